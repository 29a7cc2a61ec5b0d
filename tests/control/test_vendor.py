"""Errors of the control API say what is wrong, and what there is instead."""

from typing import Any

import httpx
import pytest

SANDBOX = "/_mock/sandboxes/demo"
FAULTS = (
    "committed_reply_lost, compressed, empty_reply, gateway, malformed_body, no_answer, page_shift, problem,"
    " reset, response"
)
WRONG: dict[str, tuple[str, str, Any, str]] = {
    "misspelt fault": (
        "POST", "/faults", {"fault": {"type": "rset"}},
        f"body.fault.type: must be one of {FAULTS}, slow_body, stale_reads, status, truncated_body, not rset;"
        " did you mean reset?",
    ),
    "misspelt short fault": (
        "PUT", "/faults", ["rset"],
        "body.0: must be one of committed_reply_lost, compressed, empty_reply, gateway, malformed_body,"
        " no_answer, reset, stale_reads, truncated_body, not rset; did you mean reset?",
    ),
    "fault without a type": (
        "POST", "/faults", {"fault": {}},
        f"body.fault.type: is missing: send one of {FAULTS}, slow_body, stale_reads, status, truncated_body",
    ),
    "fault without a field": (
        "POST", "/faults", {"fault": {"type": "page_shift"}},
        "body.fault.change: is missing: send one of insert, remove",
    ),
    "fault with a wrong field": (
        "POST", "/faults", {"fault": {"type": "status", "status": 503, "staus": 1}},
        "body.fault.staus: is not known: use one of status, type; did you mean status?",
    ),
    "unknown field of a rule": (
        "POST", "/faults", {"fault": 503, "tims": 2},
        "body.tims: is not known: use one of times, vendor, operation, path, query, headers, fault, delay,"
        " after, every, probability, from, from_, until, fired; did you mean times?",
    ),
    "misspelt delay": (
        "POST", "/faults", {"delay": {"type": "fixd"}},
        "body.delay.type: must be one of fixed, uniform, lognormal, not fixd; did you mean fixed?",
    ),
    "unknown operation of a vendor": (
        "POST", "/faults", {"vendor": "merchantpro", "operation": "update-inventry"},
        "there is no operation update-inventry: use one of update-inventory, get-inventory, update-product,"
        " list-products, create-product, get-product, delete-product, get-product-images, run-batch; did you"
        " mean update-inventory?",
    ),
    "header with a wrong name": (
        "POST", "/faults", {"fault": {"type": "response", "status": 200, "headers": {"a b": "c"}}},
        "a fault rule is not valid: a b cannot be the name of a header",
    ),
    "header of the server": (
        "POST", "/faults", {"fault": {"type": "response", "status": 200, "headers": {"Connection": "c"}}},
        "a fault rule is not valid: header Connection is set by the server: leave it out",
    ),
    "from twice": (
        "POST", "/faults", {"from": "2026-01-01", "from_": "2026-01-01"},
        "body: must not have from and from_ together",
    ),
    "clock without an action": (
        "PUT", "/clock", {}, "body.action: is missing: send one of freeze, set, advance, resume"
    ),
    "unknown action of a clock": (
        "PUT", "/clock", {"action": "stop"},
        "body.action: must be one of freeze, set, advance, resume, not stop",
    ),
    "action without its field": (
        "PUT", "/clock", {"action": "advance"},
        "body.seconds: is missing: send a number from 0 to 3,153,600,000",
    ),
    "action with the field of another": (
        "PUT", "/clock", {"action": "freeze", "seconds": 1},
        "body.seconds: is not known: use one of action, instant",
    ),
    "limits": (
        "PUT", "/limits", "on", 'body: must be {"enabled": true or false, …}, or an object, or true or false'
    ),
    "a document that is none": (
        "PUT", "/import", {},
        "body.format: is missing: send mockserver sandbox; body.version: is missing: send 1; body.seed: is"
        " missing: send a whole number from 0 to 9,223,372,036,854,775,807; body.products: is missing: send a"
        " whole number from 1 to 10,000,000; body.calls: is missing: send a whole number from 0 to"
        ' 9,007,199,254,740,991; body.clock: is missing: send {"frozen": true, "now": time, such as'
        ' 2026-01-02T03:04:05Z}, or {"frozen": false, …}; body.records: is missing: send an object',
    ),
    "unknown vendor": (
        "GET", "/records/merchantpo/inventory", None,
        "there is no vendor merchantpo: use one of merchantpro, highlevel, narvar, sabi, shoplazza; did you"
        " mean merchantpro?",
    ),
    "unknown collection": (
        "GET", "/records/narvar/goods", None,
        "narvar has no collection goods: use items",
    ),
}  # fmt: skip


def test_secret_in_the_wrong_place_is_not_quoted(api: httpx.Client) -> None:
    """The log shows the message too."""
    answer = api.post("/_mock/sandboxes", json={"credential": "sbx_s3cret"})
    assert answer.json()["message"] == "body.credential: must be one of named, issued, not ***"


@pytest.mark.finding("B9")
@pytest.mark.parametrize(("method", "path", "body", "message"), WRONG.values(), ids=WRONG)
def test_error_lists_what_there_is(
    api: httpx.Client, method: str, path: str, body: Any, message: str
) -> None:
    answer = api.request(method, SANDBOX + path, **({"json": body} if body is not None else {}))
    assert answer.status_code in (400, 404)
    assert answer.json()["message"] == message


UNDECLARED = {
    "list": ("GET", "/_mock/requests?sku=1", "query.sku: is not known: use one of "),
    "misspelt": ("GET", "/_mock/requests?limt=1", "query.limt: is not known: use one of limit, "),
    "clear": ("DELETE", "/_mock/requests?sandbx=b", "query.sandbx: is not known: use sandbox"),
    "records": (
        "GET",
        f"{SANDBOX}/records/sabi/products?search=x",
        "query.search: is not known: use ",
    ),
    "no parameters": ("GET", "/_mock/sandboxes?name=demo", "query.name: is not known"),
    "twice": ("GET", "/_mock/requests?limit=1&limit=2", "query.limit: must be sent only once"),
}


@pytest.mark.finding("B10")
@pytest.mark.parametrize(("method", "target", "message"), UNDECLARED.values(), ids=UNDECLARED)
def test_undeclared_query_parameter_is_refused(
    api: httpx.Client, method: str, target: str, message: str
) -> None:
    answer = api.request(method, target)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


@pytest.mark.finding("B10")
def test_misspelt_sandbox_clears_no_journal(client: httpx.Client, api: httpx.Client, sandbox: str) -> None:
    client.get("/exchanges/inventory/9999", auth=("demo", "x"))
    api.delete(f"/_mock/requests?sandbx={sandbox}")
    assert api.post("/_mock/requests/count", json={"sandbox": sandbox}).json()["count"] == 1


@pytest.mark.finding("B10")
def test_every_operation_refuses_undeclared_parameters(api: httpx.Client) -> None:
    paths = api.get("/_mock/openapi.json").json()["paths"]
    operations = [one for path in paths.values() for one in path.values() if "operationId" in one]
    assert {one["x-undeclared-query"] for one in operations} == {"refused"}
    assert all("400" in one["responses"] for one in operations)
