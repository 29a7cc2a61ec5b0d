"""The operator's choices about all sandboxes of a server: what they may hold, and what opens them."""

from dataclasses import dataclass

from mockserver.data.store.state import DEFAULT_CHANGE_LIMITS, ChangeLimits
from mockserver.sandbox.journal.journal import DEFAULT_MEMORY, MAX_ENTRIES, MAX_JOURNAL_BYTES


@dataclass(frozen=True)
class SandboxPolicy:
    """The choices of a server's operator about its sandboxes.

    `journal_memory`: the bytes that all journals together may take.

    `journal_calls`, `journal_bytes`: the calls that each journal keeps, and the bytes that they may take.

    `changes`: how much of a sandbox's records may be changed.

    `issues_credentials`: True if no sandbox but the default one is opened by its name. Then a credential is
    issued for each, and a call never creates one.

    `token_secret`: a secret that goes into the keys with which vendors' tokens are signed, beside the issued
    credential of their sandbox. Servers with the same one accept each other's tokens.

    `keeps_default_writes`: False if the default sandbox answers writes of clients as usual, but keeps none.
    """

    journal_memory: int = DEFAULT_MEMORY
    journal_calls: int = MAX_ENTRIES
    journal_bytes: int = MAX_JOURNAL_BYTES
    changes: ChangeLimits = DEFAULT_CHANGE_LIMITS
    issues_credentials: bool = False
    token_secret: str = ""
    keeps_default_writes: bool = True
