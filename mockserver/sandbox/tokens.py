"""Tokens for a sandbox: the access tokens and refresh tokens that a vendor's token endpoint issues.

A token says which sandbox it belongs to, and is signed with HMAC-SHA256. So every process that has the key
can tell if it is genuine, without remembering it. It is a JSON Web Token (RFC 7519), or an opaque text.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from mockserver.vendor_api.memo import memoized

MAX_TOKEN_LENGTH = 4096
JWT_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
DIGEST_LENGTH = 32
Claims = Mapping[str, Any]


@dataclass(frozen=True)
class SandboxTokens:
    """Issues and reads the tokens of one vendor in one sandbox. `now` is the time by the sandbox's clock."""

    key: bytes
    vendor: str
    sandbox: str
    now: datetime

    def issue(self, use: str, seconds: int, claims: Claims, *, opaque: bool = False) -> str:
        """Return a new token: see `vendor_api.call.Tokens`."""
        issued = int(self.now.timestamp())
        about = {"use": use, "vendor": self.vendor, "sandbox": self.sandbox}
        payload = msgspec.json.encode({**claims, "iat": issued, "exp": issued + seconds, **about})
        return self._opaque(payload) if opaque else self._jwt(payload)

    def read(self, text: str, use: str) -> Claims | None:
        """Return what a token says, or None if it has expired, or is not of this vendor, sandbox and use."""
        claims = self.verified(text, use)
        return None if claims is None or self.has_expired(claims) else claims

    def verified(self, text: str, use: str) -> Claims | None:
        """Return what a token says, like `read`, but also if it has expired."""
        payload = _payload(text)
        if payload is None:
            return None
        genuine = self._jwt(payload) if "." in text else self._opaque(payload)
        if not hmac.compare_digest(genuine.encode(), text.encode("utf-8", "surrogateescape")):
            return None
        claims: Claims = msgspec.json.decode(payload)
        wanted = (use, self.vendor, self.sandbox)
        return claims if (claims["use"], claims["vendor"], claims["sandbox"]) == wanted else None

    def has_expired(self, claims: Claims) -> bool:
        """Return True if the time of a token has passed, by the sandbox's clock."""
        return bool(self.now.timestamp() >= claims["exp"])

    def _jwt(self, payload: bytes) -> str:
        signed = f"{JWT_HEADER}.{_base64(payload)}"
        return f"{signed}.{_base64(self._signature(signed.encode()))}"

    def _opaque(self, payload: bytes) -> str:
        return _base64(self._signature(payload) + payload)

    def _signature(self, data: bytes) -> bytes:
        return hmac.digest(self.key, data, "sha256")


@memoized
def sandbox_of_token(text: str) -> str | None:
    """Return the name of the sandbox that a token names, or None if the text is no token of this form.

    The token may be forged.
    """
    payload = _payload(text)
    if payload is None:
        return None
    try:
        claims = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name = claims.get("sandbox") if isinstance(claims, dict) else None
    return name if isinstance(name, str) else None


def _payload(text: str) -> bytes | None:
    """Return the JSON in a token, or None if the text has another form."""
    if not text.isascii() or len(text) > MAX_TOKEN_LENGTH:
        return None
    parts = text.split(".")
    is_jwt = len(parts) == 3 and parts[0] == JWT_HEADER
    if not is_jwt and (len(parts) > 1 or len(text) <= DIGEST_LENGTH):
        return None
    encoded = parts[1] if is_jwt else text
    try:
        data = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return None
    if is_jwt:
        return data
    return data[DIGEST_LENGTH:] if len(data) > DIGEST_LENGTH else None


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
