"""The recorder: leaves entries in the journals."""

from collections.abc import Callable

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.journal.entry import NO_VENDOR, STRAYS, KeptEntry
from mockserver.sandbox.journal.journal import Journal
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.access.quotas.refusal import QuotaExceeded
from mockserver.server.access.sandbox_choice import SandboxChoice
from mockserver.server.recording.entries import RefusedByMockEntry, weight_of
from mockserver.server.router import NO_VENDOR_REMARK, NoVendor, Router
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Request


class Recorder:
    """Leaves entries in the journals, and tells the listeners of the feed.

    `record` adds an entry to a journal. Where a log keeps the calls, it is replaced.
    """

    def __init__(self, router: Router, sandboxes: Sandboxes, choice: SandboxChoice) -> None:
        self._router, self._sandboxes, self._choice = router, sandboxes, choice
        self.record: Callable[[KeptEntry, Journal], None] = self._add

    def _add(self, entry: KeptEntry, journal: Journal) -> None:
        journal.add(entry)
        self._sandboxes.feed.publish(entry)

    def record_refusal(self, raw: RawRequest, error: BaseException) -> KeptEntry | None:
        """Leave an entry of a request that has no exchange, unless nothing is to be noted. Return it."""
        if isinstance(error, NoVendor):
            return self._record_unmatched(raw, error)
        if isinstance(error, QuotaExceeded) and error.noted:
            return self._record_quota(raw, error)
        return None

    def _record_unmatched(self, raw: RawRequest, error: NoVendor) -> RefusedByMockEntry:
        """Leave an entry of a request that no vendor has a path for, and return it.

        It is in the journal of the sandbox that its credential opens, as one of the vendors reads it.
        """
        request = Request(raw.method, raw.target, raw.query, raw.headers, {})
        vendors = (contract.vendor for contract in self._router.contracts)
        credentials = ((vendor.name, vendor.credential(request)) for vendor in vendors)
        sandbox = self._choice.for_unmatched(raw.headers, credentials)
        journal = sandbox.journal if sandbox else self._sandboxes.journals.strays
        response = error.response()
        entry = RefusedByMockEntry(
            weight=weight_of(request, response), sandbox=journal.name,
            time=sandbox.clock.now() if sandbox else wall_clock(), request=request, vendor=NO_VENDOR,
            check="vendor", why=NO_VENDOR_REMARK, advice=error.advice, response=response,
            accepted=journal.name != STRAYS, remark=NO_VENDOR_REMARK,
        )  # fmt: skip
        self.record(entry, journal)
        return entry

    def _record_quota(self, raw: RawRequest, error: QuotaExceeded) -> RefusedByMockEntry | None:
        """Leave an entry of a call that a quota does not allow, if it has a sandbox. Return it, or None."""
        try:
            route = self._router.route(raw)
        except NoVendor:
            return None
        request, vendor = route.request(raw), route.contract.vendor
        credential = route.contract.credential(request, route.operation)
        sandbox = self._choice.for_unmatched(raw.headers, [(vendor.name, credential)])
        if route.contract is self._router.control or sandbox is None:
            return None
        response = error.response()
        entry = RefusedByMockEntry(
            weight=weight_of(request, response), sandbox=sandbox.name, time=sandbox.clock.now(),
            request=request, vendor=vendor.name, check="quota", why=error.message, advice=error.advice,
            response=response, accepted=True,
        )  # fmt: skip
        self.record(entry, sandbox.journal)
        return entry
