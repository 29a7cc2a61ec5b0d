"""Who a client says it is."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

DEFAULT_SANDBOX = "demo"


DENIED = "forbidden"


SANDBOX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Credential:
    """What a client says it is: `demo`, `sbx_<name>`, `forbidden`, anything else, or nothing."""

    text: str | None

    @cached_property
    def sandbox(self) -> str | None:
        """The sandbox that the credential opens, or None if it opens none."""
        if self.text is None or self.text == DEFAULT_SANDBOX:
            return self.text
        name = self.text.removeprefix("sbx_")
        return name if name != self.text and SANDBOX_NAME.fullmatch(name) else None

    @cached_property
    def status(self) -> Literal["missing", "unknown", "denied", "accepted"]:
        if self.text is None:
            return "missing"
        if self.text == DENIED:
            return "denied"
        return "accepted" if self.sandbox else "unknown"
