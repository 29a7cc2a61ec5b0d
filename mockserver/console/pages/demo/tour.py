"""The guided tour of the public demo: four tasks, which the journal of the sandbox ticks off."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.console.pages.docs.causes import JSON, Causes
from mockserver.console.pages.docs.sample_request import SampleRequest
from mockserver.contract.contract import Contract
from mockserver.contract.openapi.operation import Operation
from mockserver.server.http.raw_request import segments_of
from mockserver.vendor_api.json_text import decode, encode

Call = Mapping[str, Any]  # the summary of a call
QUOTA = "quota"  # the check that refuses a call because of the demo's limits
NO_NUMBER = "many"


@dataclass(frozen=True)
class Step:
    """A request of the tour, and the call that has done it, if there is one yet.

    `operation` is the vendor and the operation that the request calls.
    """

    name: str
    text: str
    request: SampleRequest
    operation: tuple[str, str]
    call: Call | None

    @property
    def is_own(self) -> bool:
        """True if the call was one of the same operation as the request."""
        return self.call is not None and (self.call["vendor"], self.call["operation"]) == self.operation


@dataclass(frozen=True)
class Task:
    """A task of the tour, with one or two steps."""

    name: str
    title: str
    text: str
    steps: tuple[Step, ...]

    @property
    def done(self) -> bool:
        return all(step.call for step in self.steps)


@dataclass(frozen=True)
class Route:
    """The vendor of the tour: one that reads and changes a record at the same path.

    `target` reads the record of a product with this SKU, and `field` is a field of it that is a number.
    """

    contract: Contract
    headers: Mapping[str, str]
    target: str
    sku: str
    field: str

    def is_about(self, call: Call) -> bool:
        """Return True if a call has the target of the tour."""
        return (call["vendor"], call["target"]) == (self.contract.vendor.name, self.target)

    def read(self) -> SampleRequest:
        return SampleRequest("GET", self.target, self.headers)

    def change(self, operation: Operation, value: Any) -> SampleRequest:
        body = encode({self.field: value}).decode()
        return SampleRequest(operation.method, self.target, {**self.headers, **JSON}, body)

    @property
    def writing(self) -> Operation:
        return next(_writing(self.contract, self.target))


def most_shared(products: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return products in another order: first those that most vendors have."""
    return sorted(products, key=lambda product: len(product["vendors"]), reverse=True)


def route_of(
    contracts: Sequence[Contract], sandbox: Mapping[str, Any], products: Sequence[Mapping[str, Any]]
) -> Route | None:
    """Return the route for a sandbox, or None if the server has no vendor for the tour.

    It is about a product that as many vendors as possible have, so that a change makes them differ.
    """
    products = most_shared(products)
    for contract in contracts:
        name, headers = contract.vendor.name, sandbox["credentials"][contract.vendor.name]["headers"]
        known = ((one["vendors"][name]["path"], one["sku"]) for one in products if name in one["vendors"])
        target, sku = next(known, (contract.vendor.sample, None))
        for operation in _writing(contract, target):
            if field := _number_in(Causes(contract, headers).example(operation).body):
                return Route(contract, headers, target, sku or "", field)
    return None


def comparison(product: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Say how the vendors differ in a product: the value of one, and what the others have."""
    shown: dict[Any, list[str]] = {}
    for vendor, cell in product["vendors"].items():
        shown.setdefault(cell["stock"], []).append(titles[vendor])
    shown.pop(None, None)
    if "stock" not in product["differs"]:
        differs = " and ".join(product["differs"])
        return f"The vendors differ in {differs}" if differs else "The vendors agree on this product"
    *few, (stock, others) = sorted(shown.items(), key=lambda item: len(item[1]))
    groups = [f"{one} at {names[0] if len(names) == 1 else f'{len(names)} vendors'}" for one, names in few]
    rest = others[0] if len(others) == 1 else f"the other {len(others)}"
    return f"The vendors differ. Stock: {', '.join([*groups, f'{stock} at {rest}'])}"


@dataclass(frozen=True)
class Faults:
    """The fault rules of a sandbox: True if one may still fire, and how many calls those of the tour meet."""

    on: bool
    left: int


def faults_of(rules: Sequence[Mapping[str, Any]], own: Mapping[str, Any]) -> Faults:
    active = [rule for rule in rules if rule["fired"] < rule.get("times", float("inf"))]
    left = sum(rule["times"] - rule["fired"] for rule in active if _is_own(rule, own))
    return Faults(bool(active), left)


def _is_own(rule: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    return rule.keys() == {*own, "fired"} and rule["fault"].get("status") == own["fault"]


def reason(call: Call, faults: Faults) -> str:
    """Say why a call has ended as it has. Empty if the vendor would have answered it like this."""
    if call["fault"]:
        return "because a fault rule is on" if faults.on else "because of a fault rule, which is over now"
    if call["refused_by"] == QUOTA:
        return "because of a limit of this demo"
    if call["refused_by"]:
        return f"refused by the check “{call['refused_by']}”"
    if call["status"] < 300 and call["method"] != "GET" and not call["changes"]:
        return "but it changed nothing"
    return ""


def _writing(contract: Contract, target: str) -> Iterator[Operation]:
    """Yield the operations that change what a target reads."""
    found = contract.spec.find(_segments(target))
    if found:
        yield from (one for one in found[0].operations.values() if one.method in ("PATCH", "PUT"))


def _segments(target: str) -> tuple[str, ...]:
    return segments_of(target.partition("?")[0])


def _number_in(body: str) -> str:
    """Return the first field of a JSON object that is a whole number, or an empty string."""
    try:
        value = decode(body)
    except ValueError:
        return ""
    fields = value.items() if isinstance(value, dict) else ()
    return next((name for name, one in fields if type(one) is int), "")


def tour(route: Route, calls: Sequence[Call], written: Call | None) -> list[Task]:
    """Return the tasks, with what has been done of them. `calls` are those of the sandbox, newest first.

    `written` is the call that has done the task `write`, if there is one.
    """
    title, field = route.contract.vendor.title, route.field
    calls = _of_vendors(calls)
    refused, mended = _refused_and_mended(calls)
    read = _first(calls, lambda call: call["method"] == "GET" and call["status"] == 200)
    failed = _first(calls, lambda call: bool(call["fault"]))
    vendor, path = route.contract.vendor.name, route.contract.spec.find(_segments(route.target))
    reading = (vendor, path[0].operations["GET"].id if path else "")
    writing = (vendor, route.writing.id)
    wrong, right, other = (route.change(route.writing, value) for value in (NO_NUMBER, 5, 3))
    return [
        Task("read", "Read a product", f"Ask {title} for a product.",
             (Step("read", "", route.read(), reading, read),)),
        Task("mend", "Get refused, then fix it",
             f"Send a {field} that is not a number. The call's page says which check refused it, and the"
             " smallest change that helps.",
             (Step("refuse", "First the wrong way:", wrong, writing, refused),
              Step("mend", "Then the right way:", right, writing, mended))),
        Task("write", f"Change the {field}, and see the difference",
             "The call's page shows each field before and after. The other vendors keep what they have.",
             (Step("write", "", other, writing, written),)),
        Task("fault", "Switch on a fault",
             "Let the next two calls fail with a 503, as a vendor's server may on a bad day. Then send one.",
             (Step("fail", "", route.read(), reading, failed),)),
    ]  # fmt: skip


def writes(calls: Sequence[Call]) -> list[Call]:
    """Return the calls that changed records, oldest first, without the one that mends the refused one."""
    calls = _of_vendors(calls)
    _, mended = _refused_and_mended(calls)
    return [call for call in reversed(calls) if call["changes"] and call is not mended]


def _of_vendors(calls: Sequence[Call]) -> list[Call]:
    return [call for call in calls if call["refused_by"] != QUOTA]


def _refused_and_mended(calls: Sequence[Call]) -> tuple[Call | None, Call | None]:
    refused = _first(calls, lambda call: bool(call["refused_by"]))
    return refused, _first(calls, lambda call: _mends(call, refused))


def _mends(call: Call, refused: Call | None) -> bool:
    """Return True if a call has succeeded after the refused one, by the same operation."""
    return (
        refused is not None
        and call["operation"] == refused["operation"]
        and call["status"] < 300
        and call["arrived"] > refused["arrived"]
    )


def _first(calls: Sequence[Call], fits: Callable[[Call], bool]) -> Call | None:
    """Return the earliest call that fits, or None."""
    return next((call for call in reversed(calls) if fits(call)), None)
