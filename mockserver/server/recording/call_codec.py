"""The codec of calls: a journal's entry as bytes for a store, without secrets, and back.

Secrets are replaced by `***` before an entry becomes bytes, as wherever a call is shown. So a decoded entry
shows the same as the original one, to the byte. Its request can be sent again with the sandbox's own
credential in place of the one that was sent. All other secrets in it stay `***`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from mockserver.contract.contract import Contract
from mockserver.sandbox.journal.entry import STRAYS, Entry, KeptEntry, Summary
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.failure import UNEXPECTED, description

log = logging.getLogger("mockserver")
MAX_TAG = 16  # bytes
NOT_KEPT = b"none "  # in place of a call that cannot be encoded
WEIGHT_OF_UNREADABLE = 500  # bytes
Kept = TypeVar("Kept", bound=KeptEntry)


class Unreadable(Exception):
    """Raised if bytes cannot be read as a call. The message says why."""


class Kind(msgspec.Struct, Generic[Kept], frozen=True):
    """One class of entries in the codec.

    `tag` names the class and the form of its bytes. It has letters, digits and slashes. A changed form needs
    another tag. `encode` returns an entry's bytes without secrets. `decode` takes them, the documented
    contracts by the vendors' names, and the sandbox's own credential. It may raise any exception.
    """

    tag: bytes
    type: type[Kept]
    encode: Callable[[Kept], bytes]
    decode: Callable[[bytes, Mapping[str, Contract], str], Kept]


class UnreadableEntry(KeptEntry, gc=False):
    """Stands for a call that is in a store, but that this server cannot read."""

    reason: str

    def _raw_request(self) -> None:
        return None

    def _summary(self) -> Summary:
        raise Unreadable(self.reason)

    def _entry(self, with_answer: bool) -> Entry:
        raise Unreadable(self.reason)


class CallCodec:
    """Encodes and decodes the calls of one server's journals. A higher layer may have kinds of its own."""

    def __init__(self, contracts: Mapping[str, Contract], kinds: Iterable[Kind[Any]]) -> None:
        self._contracts = contracts
        self._kinds = {kind.tag: kind for kind in kinds}
        self._encoders = {kind.type: (kind.tag + b" ", kind.encode) for kind in self._kinds.values()}

    def encode(self, entry: KeptEntry) -> bytes:
        """Return an entry as bytes without secrets, but not its journal, nor its place there.

        An entry that cannot be encoded becomes bytes that cannot be read, because an answer must not fail for
        it. The log says why.
        """
        try:
            prefix, encode = self._encoders[type(entry)]
            return prefix + encode(entry)
        except UNEXPECTED as error:
            log.error("a call to sandbox %s cannot be kept", entry.sandbox, exc_info=error)
            return NOT_KEPT

    def decode(self, data: bytes, sandbox: str, own_credential: str) -> KeptEntry:
        """Return the entry in the journal `sandbox`. It still needs its place there: `serial` and `arrived`.

        `own_credential` is that of the sandbox. For a call that belongs to no sandbox, it does not count.
        Bytes that cannot be read become an entry that says why.
        """
        own_credential = DEFAULT_SANDBOX if sandbox == STRAYS else own_credential
        tag, space, _ = data[: MAX_TAG + 1].partition(b" ")
        try:
            if data == NOT_KEPT:
                raise Unreadable("the server that answered it could not keep it")
            if not space or tag not in self._kinds:
                raise Unreadable("another version of this server has kept it")
            entry: KeptEntry = self._kinds[tag].decode(data[len(tag) + 1 :], self._contracts, own_credential)
        except UNEXPECTED as error:
            reason = str(error) if isinstance(error, Unreadable) else description(error)
            return UnreadableEntry(reason, sandbox=sandbox, weight=WEIGHT_OF_UNREADABLE)
        entry.sandbox = sandbox
        return entry
