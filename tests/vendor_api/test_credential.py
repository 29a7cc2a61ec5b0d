"""Credentials: which sandbox each names, and what is said about a name that is not allowed."""

import functools

import httpx
import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.vendor_api.credential import Credential

load_contract = functools.cache(app.load_contract)
ALLOWED = [
    "a",
    "Z9",
    "_main__.T",
    "-a",
    ".hidden",
    "a.",
    "...a",
    "a" * 64,
    "tests.test_x.T.test_y",
]
NOT_ALLOWED = [
    ("", ""),
    (".", ""),
    ("..", ""),
    ("." * 64, ""),
    ("-", ""),
    ("__", ""),
    ("a" * 65, "sbx_" + "a" * 64),
    ("a b", "sbx_a_b"),
    ("a/b", "sbx_a_b"),
    ("tests.test_x.T.test_y[param]", "sbx_tests.test_x.T.test_y_param_"),
    ("tests/test_x.py::test_y", "sbx_tests_test_x.py__test_y"),
    ("größe", "sbx_gr__e"),
    ("a\n", "sbx_a_"),
]


@pytest.mark.finding("B8")
@pytest.mark.parametrize("name", ALLOWED)
def test_name_is_allowed_everywhere(name: str, base_url: str) -> None:
    """At all vendors, in the header, and in the paths and bodies of the control API."""
    assert Credential(f"sbx_{name}").status == "accepted"
    with Client(base_url) as client, client.create(name) as sandbox, httpx.Client() as caller:
        for vendor, access in sandbox.vendors.items():
            sample = load_contract(vendor).vendor.sample
            assert caller.get(access.base_url + sample, headers=access.headers).status_code == 200
        narvar = f"{base_url}/exchanges/inventory/9999"
        header = {"X-Mock-Sandbox": name}
        assert caller.get(narvar, auth=("demo", ""), headers=header).status_code == 200
        assert client.sandbox(name).name == name
        sandbox.snapshot(name)
        assert sandbox.snapshots == [name]
        sandbox.assert_called(vendor="narvar", times=2)
        assert len({call.id for call in sandbox.requests}) == 6


@pytest.mark.finding("B8")
@pytest.mark.parametrize(("name", "suggestion"), NOT_ALLOWED)
def test_name_that_is_not_allowed_is_told(name: str, suggestion: str) -> None:
    credential = Credential(f"sbx_{name}")
    assert credential.status == "unknown"
    told = credential.why_unknown
    assert told.startswith(f"the sandbox name {name!r} is not allowed: a sandbox name has 1 to 64 letters")
    assert told.endswith(f": send {suggestion}, for example" if suggestion else "not a name")


@pytest.mark.parametrize("typo", ['{}"', "{},", "'{}'", "{}\\n", "Bearer {}"])
def test_issued_credential_with_a_typo_is_not_quoted(typo: str) -> None:
    secret = "abcdefghijklmnopqrstuvwx27"
    told = Credential("sbx_" + typo.format(secret)).why_unknown
    assert told and secret not in told


@pytest.mark.parametrize("text", [None, "", "demo", "sbx_a", "forbidden", "pk_live_Zm9v"])
def test_nothing_is_told_of_other_credentials(text: str | None) -> None:
    assert Credential(text).why_unknown == ""


@pytest.mark.finding("B8")
@pytest.mark.parametrize("vendor", app.vendor_names())
def test_refused_name_is_explained_beside_the_vendors_own_words(vendor: str, base_url: str) -> None:
    one = load_contract(vendor).vendor
    name = f"test_{vendor}[1]"
    answer = httpx.get(f"{base_url}/{vendor}{one.sample}", headers=one.auth_headers(f"sbx_{name}"))
    other = httpx.get(f"{base_url}/{vendor}{one.sample}", headers=one.auth_headers("pk_live_Zm9v"))
    assert (answer.status_code, "x-mock-error" in answer.headers) == (401, False)
    assert answer.headers.keys() == other.headers.keys()
    with Client(base_url) as client:
        calls = [call for call in client.requests.find(vendor=vendor, status=401)]
        why = [reason for call in calls for reason in client.requests.explain(call).why]
    assert [reason for reason in why if f"sbx_test_{vendor}_1_, for example" in reason]


@pytest.mark.finding("B8")
@pytest.mark.parametrize("name", [name for name, _ in NOT_ALLOWED if name])
def test_control_refuses_such_a_name_too(name: str, api: httpx.Client) -> None:
    assert api.post("/_mock/sandboxes", json={"name": name}).status_code == 400
