"""The statuses with which a vendor refuses calls, found out by asking its module."""

from mockserver.contract.contract import Contract
from mockserver.data.catalog.catalog import SeededCatalog
from mockserver.data.store.state import Draft, State
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import DENIED, Credential
from mockserver.vendor_api.problem import Kind, Problem, Violation
from mockserver.vendor_api.request import Headers, Request

ANY_VIOLATION = Violation("query", "q", "required")
UNKNOWN = "unknown"  # a credential that opens nothing


def status_of(contract: Contract, kind: Kind) -> int:
    """Return the vendor's status for a kind of problem."""
    violations = (ANY_VIOLATION,) if kind == "invalid" else ()
    return contract.vendor.render(Problem(kind, violations=violations), _call(contract, None)).status


def credential_statuses(contract: Contract) -> list[int]:
    """Return the vendor's statuses for a missing, an unknown and a denied credential."""
    statuses = []
    for text in (None, UNKNOWN, DENIED):
        call = _call(contract, text)
        try:
            contract.vendor.authenticate(call)
        except Problem as problem:
            statuses.append(contract.vendor.render(problem, call).status)
    return sorted(set(statuses))


def _call(contract: Contract, credential: str | None) -> Call:
    """Return a call with all headers of the vendor, and with a credential."""
    sent = contract.vendor.auth_headers(credential or "")
    headers = Headers((name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items())
    request = Request("GET", "/", "", headers, contract.spec.default_host)
    draft = Draft(SeededCatalog(0, 0), State())
    return Call(request, Credential(credential), lambda purpose: bytes(32), draft, contract.base_records)
