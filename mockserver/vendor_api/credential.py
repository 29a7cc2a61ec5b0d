"""Credentials, by which a client identifies itself and selects a sandbox."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

DEFAULT_SANDBOX = "demo"  # both the name of the default sandbox and its credential
DENIED = "forbidden"  # a credential that every vendor knows, but that has no permission
SANDBOX_PREFIX, CONTROL_TOKEN_PREFIX = "sbx_", "ctl_"
CLIENT = ("client_id", "sub")  # what a token says about who uses it
MAX_NAME_LENGTH = 64
NAME_RULE = (
    f"a sandbox name has 1 to {MAX_NAME_LENGTH} letters, digits, dots, dashes and underscores,"
    " at least one letter or digit; 26 letters a-z and digits 2-7 are an issued credential, not a name"
)
Status = Literal["missing", "unknown", "denied", "accepted"]
_ISSUED = re.compile(r"[a-z2-7]{26}")  # what comes after the prefix of an issued credential
_RUN = re.compile(r"[a-z2-7]+")
_NAME = re.compile(r"[._-]*[A-Za-z0-9][A-Za-z0-9._-]*")  # not `.` and `..`: they have a meaning in paths


def is_sandbox_name(name: str) -> bool:
    """Return True if a sandbox can have this name (see `NAME_RULE`).

    A name that looks like an issued credential is not allowed: when the sandbox of an issued credential ends,
    the credential must not open a new one.
    """
    return len(name) <= MAX_NAME_LENGTH and _has_form_of_name(name)


@lru_cache(1024)  # most calls name a sandbox, and name it again
def _has_form_of_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text)) and not _ISSUED.fullmatch(text)


@dataclass(frozen=True)
class Credential:
    """The string that identifies a client: a token, an API key or a user name.

    `text` is None if the request has no credential, and empty if the credential cannot be read.

    `opens` is the name of the sandbox that the server has found for it: empty if it has found none, and None
    if the text decides. `lasts` returns False when the session has ended that it comes from.

    `claims` is what a token says that a vendor's endpoint has issued (see `Call.tokens`). `expired` is
    True for such a token if its time has passed: it opens nothing, but is known to belong to the call's
    sandbox. `flaw` says why a text that has the form of such a token opens nothing.

    `sandbox` is the name of the sandbox that the credential selects, or None. By its text, `demo` selects the
    default sandbox, and `sbx_<name>` the sandbox called `<name>`.

    `status` is `missing` if the request has no credential, `denied` if the credential is `forbidden`,
    `accepted` if it selects a sandbox, and `unknown` for any other credential.
    """

    text: str | None
    opens: str | None = None
    lasts: Callable[[], bool] = field(default=lambda: True, compare=False, repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    expired: bool = False
    flaw: str = field(default="", compare=False)
    sandbox: str | None = field(init=False, compare=False, repr=False)
    status: Status = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Not by cached_property: every call reads them several times, and plain attributes are read faster.
        object.__setattr__(self, "sandbox", self._sandbox())
        object.__setattr__(self, "status", self._status())

    def _sandbox(self) -> str | None:
        if self.opens is not None:
            return self.opens or None
        if self.text is None or self.text == DEFAULT_SANDBOX:
            return self.text
        name = self.text.removeprefix(SANDBOX_PREFIX)
        return name if name != self.text and is_sandbox_name(name) else None

    def _status(self) -> Status:
        if self.text is None:
            return "missing"
        if self.text == DENIED:
            return "denied"
        return "accepted" if self.sandbox else "unknown"

    @property
    def counts_as(self) -> str:
        """Return the text by which rate limits tell clients apart: a new token does not make a new client."""
        return " ".join(str(self.claims.get(name, "")) for name in CLIENT) if self.claims else self.text or ""

    @property
    def why_refused(self) -> str:
        """Return why this credential opens nothing; empty if it opens a sandbox."""
        refusals = {"missing": "no credential was sent", "unknown": "the credential is not accepted"}
        return self.why_unknown or refusals.get(self.status, "")

    @property
    def why_unknown(self) -> str:
        """Return why a credential of the mock's own form opens nothing; empty for any other credential."""
        text = self.text or ""
        if self.status != "unknown":
            return ""
        if text.startswith(CONTROL_TOKEN_PREFIX):
            return "a control token opens nothing at a vendor: send the sandbox's credential"
        if not text.startswith(SANDBOX_PREFIX):
            return self.flaw
        name = text.removeprefix(SANDBOX_PREFIX)
        if is_sandbox_name(name):
            return f"the name of sandbox {name} does not open it: send the credential that was issued for it"
        if _ISSUED.fullmatch(name):
            return "this credential was not issued by this server, or its sandbox has ended"
        if any(map(_ISSUED.fullmatch, _RUN.findall(name))):  # not quoted: the log shows this text
            return "this credential is longer than those that this server issues: send it without the rest"
        near = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:MAX_NAME_LENGTH]
        advice = f": send {SANDBOX_PREFIX}{near}, for example" if is_sandbox_name(near) else ""
        return f"the sandbox name {name[:100]!r} is not allowed: {NAME_RULE}{advice}"
