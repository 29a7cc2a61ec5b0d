"""The rights of a session, a code or a share link: everything, or one sandbox as long as it lasts."""

from dataclasses import dataclass
from weakref import ref

from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.credential import Credential

EVERYTHING = Credential(None)


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything (`journal` is None), or one sandbox.

    The journal tells the sandbox from a later one of the same name: it ends with the sandbox, but an import
    that replaces the sandbox keeps it.
    """

    opens: Credential = EVERYTHING
    journal: "ref[Journal] | None" = None

    def last(self, sandboxes: Sandboxes) -> bool:
        """Return True unless the sandbox has ended."""
        if self.journal is None:
            return True
        sandbox = sandboxes.find(self.opens.sandbox or "")
        return sandbox is not None and sandbox.journal is self.journal()


def rights_to(sandbox: Sandbox | None) -> Rights:
    """Return the rights to one sandbox, or to everything."""
    if sandbox is None:
        return Rights()
    return Rights(Credential("", opens=sandbox.name), ref(sandbox.journal))
