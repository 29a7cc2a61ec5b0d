"""Credentials: what a client sends to identify itself, and which sandbox it opens."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

DEFAULT_SANDBOX = "demo"  # the name of the sandbox, and the credential that opens it
DENIED = "forbidden"  # a credential that is known to every vendor and has no permission
SANDBOX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Credential:
    """The text that identifies a client: a token, an API key or a user name.

    `text` is None if the request has no credential, and an empty text if it has one that cannot be read.
    """

    text: str | None

    @cached_property
    def sandbox(self) -> str | None:
        """Return the name of the sandbox that this credential opens, or None.

        `demo` opens the default sandbox, `sbx_<name>` the sandbox of this name.
        """
        if self.text is None or self.text == DEFAULT_SANDBOX:
            return self.text
        name = self.text.removeprefix("sbx_")
        return name if name != self.text and SANDBOX_NAME.fullmatch(name) else None

    @cached_property
    def status(self) -> Literal["missing", "unknown", "denied", "accepted"]:
        """Tell how far the credential gets a client.

        `missing`: there is none. `denied`: it is `forbidden`. `accepted`: it opens a sandbox. `unknown`:
        anything else.
        """
        if self.text is None:
            return "missing"
        if self.text == DENIED:
            return "denied"
        return "accepted" if self.sandbox else "unknown"
