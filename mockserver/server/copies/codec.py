"""The translation of calls to bytes, as copies need it."""

from typing import Protocol

from mockserver.sandbox.journal.entry import KeptEntry


class CallCodec(Protocol):
    """Translates the calls of journals to bytes without secrets and back."""

    def encode(self, entry: KeptEntry) -> bytes:
        """Return an entry as bytes."""

    def decode(self, data: bytes, sandbox: str, own_credential: str) -> KeptEntry:
        """Return the entry in the journal of a sandbox, which has this credential."""
