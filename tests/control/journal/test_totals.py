"""Totals of the journal: by operation, class of status and check."""

import httpx
import pytest

import mockserver
from mockserver import Client
from tests.control.journal.conftest import AUTH, WASHER, summaries


def test_calls_are_counted_by_operation_status_and_check(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    for body in ({"stock": 3}, {"stock": "many"}, {"stock": -1}):
        client.patch(WASHER, auth=AUTH, json=body)
    client.get(f"{WASHER}?color=red", auth=AUTH)
    client.get("/api/v2/inventory/id/99999999", auth=AUTH)
    client.get("/api/v2/inventory", auth=AUTH)
    totals = control_client.get("/requests/totals", params={"sandbox": sandbox}).json()
    elsewhere, strays = totals.pop("elsewhere"), totals.pop("strays")
    assert min(elsewhere, strays) >= 0  # other tests make them
    assert totals == {
        "kept": 6,
        "dropped": 0,
        "remarks": 2,
        "faults": 0,
        "changed": 1,
        "operations": [
            {"vendor": "merchantpro", "operation": "", "calls": 1, "statuses": {"4xx": 1}},
            {
                "vendor": "merchantpro", "operation": "get-inventory", "calls": 2,
                "statuses": {"2xx": 1, "4xx": 1},
            },
            {
                "vendor": "merchantpro", "operation": "update-inventory", "calls": 3,
                "statuses": {"2xx": 1, "4xx": 2},
            },
        ],
        "refusals": [
            {
                "vendor": "merchantpro", "operation": "update-inventory", "check": "body", "calls": 2,
                "latest": f"{sandbox}.3",
            },
            {
                "vendor": "merchantpro", "operation": "get-inventory", "check": "record", "calls": 1,
                "latest": f"{sandbox}.5",
            },
            {
                "vendor": "merchantpro", "operation": "", "check": "path", "calls": 1,
                "latest": f"{sandbox}.6",
            },
        ],
    }  # fmt: skip


def test_call_that_writes_a_record_as_it_was_changes_none(
    client: httpx.Client, control_client: httpx.Client, sandbox: str
) -> None:
    """The explained call lists the record, with the same values before and after."""
    for _ in range(2):
        client.patch(WASHER, auth=AUTH, json={"stock": 3})
    assert control_client.get("/requests/totals", params={"sandbox": sandbox}).json()["changed"] == 1
    same, changed = summaries(control_client, sandbox=sandbox)
    assert (same["changes"], changed["changes"]) == (0, 1)
    assert summaries(control_client, sandbox=sandbox, changed=True) == [changed]
    (written,) = control_client.get(f"/requests/{same['id']}").json()["changes"]
    assert written["before"] == written["after"]


def test_calls_of_other_sandboxes_and_of_none_are_told() -> None:
    with mockserver.serve() as server, httpx.Client() as http:
        own, other = server.client.create("own"), server.client.create("other")
        token = own.control_token
        for sandbox in (own, other, other):
            access = sandbox.vendors["narvar"]
            http.get(f"{access.base_url}/exchanges/inventory/9999", headers=access.headers)
        http.get(f"{access.base_url}/exchanges/inventory/9999")
        totals = own.requests.totals()
        assert (totals.kept, totals.elsewhere, totals.strays) == (1, 2, 1)
        totals = server.client.requests.totals()
        assert (totals.kept, totals.elsewhere, totals.strays) == (4, 0, 1)
        totals = server.client.strays.totals()
        assert (totals.kept, totals.elsewhere, totals.strays) == (1, 3, 1)
        with Client(server.url, token=token) as client:  # it sees nothing of others
            totals = client.sandbox("own").requests.totals()
        assert (totals.kept, totals.elsewhere, totals.strays) == (1, 0, 0)


def test_calls_without_an_answer_and_with_faults_are_counted(base_url: str) -> None:
    with mockserver.serve() as server, httpx.Client() as http:
        sandbox = server.client.create(faults=["no_answer", 503])
        access = sandbox.vendors["narvar"]
        url = f"{access.base_url}/exchanges/inventory/9999"
        with pytest.raises(httpx.TransportError):
            http.get(url, headers=access.headers, timeout=0.01)
        sandbox.requests.wait_for(seconds=30)
        totals = sandbox.requests.totals()
        assert (totals.faults, totals.operations[0]["statuses"]) == (1, {"0": 1})


def test_totals_of_an_unknown_sandbox_are_refused(control_client: httpx.Client) -> None:
    assert control_client.get("/requests/totals?sandbox=nobody").status_code == 404
