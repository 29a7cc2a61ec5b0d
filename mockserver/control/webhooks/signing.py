"""Test keys, with which calls to webhooks are signed: the same in every run with the same seed."""

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@lru_cache(64)
def _private_key(seed: int) -> "Ed25519PrivateKey":
    """Return the Ed25519 key of the sandboxes with this seed. It protects nothing: anybody can make it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # most servers need none

    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"webhooks {seed}".encode()).digest())


def sign(seed: int, data: bytes) -> bytes:
    """Return the Ed25519 signature of some bytes."""
    return _private_key(seed).sign(data)


def public_key(seed: int) -> str:
    """Return the public key that verifies the signatures, in PEM format."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = _private_key(seed).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
