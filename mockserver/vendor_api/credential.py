"""Credentials, by which a client identifies itself and selects a sandbox."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

DEFAULT_SANDBOX = "demo"  # both the name of the default sandbox and its credential
DENIED = "forbidden"  # a credential that every vendor knows, but that has no permission
SANDBOX_PREFIX, CONTROL_PREFIX = "sbx_", "ctl_"
SANDBOX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Credential:
    """The string that identifies a client: a token, an API key or a user name.

    `text` is None if the request has no credential, and empty if the credential cannot be read.

    `opens` is the name of the sandbox that the server has found for it: empty if it has found none, and None
    if the text decides.
    """

    text: str | None
    opens: str | None = None

    @cached_property
    def sandbox(self) -> str | None:
        """Return the name of the sandbox that this credential selects, or None.

        By its text, `demo` selects the default sandbox, and `sbx_<name>` the sandbox called `<name>`.
        """
        if self.opens is not None:
            return self.opens or None
        if self.text is None or self.text == DEFAULT_SANDBOX:
            return self.text
        name = self.text.removeprefix(SANDBOX_PREFIX)
        return name if name != self.text and SANDBOX_NAME.fullmatch(name) else None

    @cached_property
    def status(self) -> Literal["missing", "unknown", "denied", "accepted"]:
        """Return the status of this credential.

        `missing`: the request has no credential. `denied`: the credential is `forbidden`. `accepted`: it
        selects a sandbox. `unknown`: any other credential.
        """
        if self.text is None:
            return "missing"
        if self.text == DENIED:
            return "denied"
        return "accepted" if self.sandbox else "unknown"
