"""The rights of a session, a login link or a share link: everything, or one sandbox as long as it lasts."""

from datetime import datetime

import msgspec

from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.credential import Credential

EVERYTHING = Credential(None)


class Rights(msgspec.Struct, frozen=True):
    """Everything (`sandbox` is None), or the sandbox of this name.

    `created` tells the sandbox from a later one of the same name. An import that replaces the sandbox keeps
    it.
    """

    sandbox: str | None = None
    created: datetime | None = None

    @property
    def opens(self) -> Credential:
        return EVERYTHING if self.sandbox is None else Credential("", opens=self.sandbox)

    def last(self, sandboxes: Sandboxes) -> bool:
        """Return True unless the sandbox has ended. A log must have been asked for it."""
        if self.sandbox is None:
            return True
        found = sandboxes.find(self.sandbox)
        return found is not None and found.created == self.created

    def over(self, sandboxes: Sandboxes) -> bool:
        """Return True if the sandbox has ended, as far as it is known here."""
        name = self.sandbox or ""
        if sandboxes.knows_all or name in sandboxes.ended or sandboxes.find(name) is not None:
            return not self.last(sandboxes)
        return False


def rights_to(sandbox: Sandbox | None) -> Rights:
    """Return the rights to one sandbox, or to everything."""
    return Rights() if sandbox is None else Rights(sandbox.name, sandbox.created)
