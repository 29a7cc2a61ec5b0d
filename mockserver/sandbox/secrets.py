"""Secrets that are issued for sandboxes: credentials, and tokens for their control."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from mockserver.vendor_api.credential import CONTROL_TOKEN_PREFIX, SANDBOX_PREFIX, Credential


class Holder(Protocol):
    """A sandbox, as this module sees it."""

    name: str
    issued: Credential | None
    control_digest: bytes | None


Sandbox = TypeVar("Sandbox", bound=Holder)


class Secrets(Generic[Sandbox]):
    """The secrets of one server's sandboxes. They end with their sandboxes.

    `find` returns the existing sandbox of a name, or None.
    """

    def __init__(self, find: Callable[[str], Sandbox | None]) -> None:
        self._find = find
        # The sandboxes by the text of their credential, and by the digest of their control token.
        self._holders: WeakValueDictionary[str | bytes, Sandbox] = WeakValueDictionary()

    def issue_credential(self, sandbox: Sandbox) -> None:
        """Give a sandbox a random credential. From now on, its name does not open it."""
        text = _new_secret(SANDBOX_PREFIX)
        sandbox.issued = Credential(text, opens=sandbox.name)
        self._holders[text] = sandbox

    def new_control_token(self, sandbox: Sandbox) -> str:
        """Return a new token for the control of a sandbox. Only its digest is kept, so tell it now."""
        token = _new_secret(CONTROL_TOKEN_PREFIX)
        sandbox.control_digest = digest_of(token)
        self._holders[sandbox.control_digest] = sandbox
        return token

    def move(self, before: Sandbox, after: Sandbox) -> None:
        """Give the secrets of a sandbox to the one that replaces it."""
        after.issued, after.control_digest = before.issued, before.control_digest
        self.know(after)

    def know(self, sandbox: Sandbox) -> None:
        """Let the secrets that a sandbox has already open it."""
        for secret in (sandbox.issued and sandbox.issued.text, sandbox.control_digest):
            if secret:
                self._holders[secret] = sandbox

    def sandbox_with_credential(self, text: str) -> Sandbox | None:
        """Return the sandbox for which this credential was issued, or None."""
        found = self._existing(self._holders.get(text))
        return found if found and found.issued and found.issued.text == text else None

    def sandbox_with_control_token(self, token: str) -> Sandbox | None:
        """Return the sandbox whose control this token opens, or None.

        What is looked up and compared is the digest, so the time that it takes tells nothing of other tokens.
        """
        digest = digest_of(token)
        found = self._existing(self._holders.get(digest))
        return found if found and hmac.compare_digest(found.control_digest or b"", digest) else None

    def _existing(self, sandbox: Sandbox | None) -> Sandbox | None:
        """Return the sandbox, or None if it has been deleted since and is only still in memory."""
        return sandbox if sandbox is not None and self._find(sandbox.name) is sandbox else None


def _new_secret(prefix: str) -> str:
    """Return a prefix and 26 random letters and digits: 128 bits in base 32."""
    return prefix + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def digest_of(secret: str) -> bytes:
    """Return the digest under which a secret is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
