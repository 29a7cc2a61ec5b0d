"""The table of access: the docs show it, and each of its cells is tried over HTTP."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.server.access.table import WHAT_OPENS_WHAT, markdown
from mockserver.server.server import serving
from mockserver.vendor_api.vendor import Vendor
from tests.conftest import NO_CERTIFICATES, ROOT, TIMEOUT

# Operations of control, with the status that they have for somebody who may use everything.
EVERYTHING = {
    ("GET", "/_mock/sandboxes"): 200,
    ("POST", "/_mock/sandboxes"): 201,
    ("GET", "/_mock/metrics"): 200,
    ("GET", "/_mock/vendors"): 200,
    ("GET", "/_mock/openapi.json"): 200,
    ("GET", "/_mock/sandboxes/demo"): 200,
    ("GET", "/_mock/sandboxes/nobody"): 404,
    ("GET", "/_mock/sandboxes/private"): 200,
    ("PUT", "/_mock/sandboxes/private/snapshots/one"): 200,
    ("GET", "/_mock/sandboxes/private/records/narvar/items"): 200,
    ("POST", "/_mock/sandboxes/private/fork"): 201,
    ("GET", "/_mock/requests"): 200,
    ("GET", "/_mock/nothing"): 404,
}
NOTHING = dict.fromkeys(EVERYTHING, 401)
FORBIDDEN = dict.fromkeys(EVERYTHING, 403)
ONE_SANDBOX = EVERYTHING | {
    ("POST", "/_mock/sandboxes"): 403,
    ("GET", "/_mock/metrics"): 403,
    ("GET", "/_mock/sandboxes/demo"): 404,
    ("POST", "/_mock/sandboxes/private/fork"): 403,
}
SERVERS: dict[str, dict[str, Any]] = {
    "guarded": {"admin_token": "s3cret"},
    "local": {},
    "lenient": {"admin_token": "s3cret", "any_credential": True},
}
ADMIN = {"Authorization": "Bearer s3cret"}


@dataclass
class Server:
    """A server with a sandbox `private`, its issued credential, and the token for its control."""

    mock: app.Mock
    client: httpx.Client
    secrets: dict[str, str]

    def text(self, name: str) -> str:
        """Return the secret of this name, or the text itself."""
        return self.secrets.get(name, name)

    def opens(self, sent: str, header: str | None) -> set[str]:
        """Return the names of the sandboxes that a credential opens at all vendors, or how it is refused."""
        more = {"X-Mock-Sandbox": header} if header else {}
        vendors = [contract.vendor for contract in self.mock.contracts]
        return {self._opens_at(one, one.auth_headers(self.text(sent)) | more) for one in vendors}

    def cookie_opens(self, sent: str) -> set[str]:
        """Return what `opens` returns, for a cookie and no credential."""
        return {self._opens_at(contract.vendor, self.cookie(sent)) for contract in self.mock.contracts}

    def _opens_at(self, vendor: Vendor, headers: dict[str, str]) -> str:
        before = {sandbox.name: sandbox.calls for sandbox in self.mock.sandboxes}
        answer = self.client.get(f"/{vendor.name}{vendor.sample}", headers=headers)
        if answer.status_code != 200:
            return answer.headers.get("x-mock-error") or str(answer.status_code)
        [opened] = [one.name for one in self.mock.sandboxes if one.calls > before.get(one.name, 0)]
        return opened

    def bearer(self, sent: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text(sent)}"}

    def cookie(self, sent: str) -> dict[str, str]:
        return {"Cookie": f"mockserver-{self.client.base_url.port}={self.text(sent)}"}

    def control(self, sent: str | None, **headers: str) -> dict[tuple[str, str], int]:
        """Return the status of each operation of control for a bearer token."""
        if sent:
            headers |= self.bearer(sent)
        statuses = {}
        for method, path in EVERYTHING:
            body = {} if method == "POST" else None
            answer = self.client.request(method, path, headers=headers, json=body)
            statuses[method, path] = answer.status_code
        return statuses


def token_for(client: httpx.Client, secret: str) -> str:
    """Return an access token of a vendor for the sandbox with this credential."""
    form = {"client_id": "a", "client_secret": secret, "grant_type": "client_credentials"}
    return str(client.post("/oauth/token", data=form).json()["access_token"])


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        found = {}
        for name, access in SERVERS.items():
            mock = app.build(**access)
            url = stack.enter_context(serving(mock.application))
            options = {"name": "private", "credential": "issued"}
            client = stack.enter_context(httpx.Client(base_url=url, verify=NO_CERTIFICATES, timeout=TIMEOUT))
            made = client.post("/_mock/sandboxes", json=options, headers=ADMIN).json()
            sessions = mock.application.control_access.sessions
            secrets = {
                "issued": made["credential"],
                "control token": made["control_token"],
                "token of private": token_for(client, made["credential"]),
                "token of demo": token_for(client, "demo"),
                "session of everything": sessions.begin(None),
                "session of private": sessions.begin(mock.sandboxes.get("private")),
            }
            found[name] = Server(mock, client, secrets)
        yield found


NAMES = [row.sent for row in WHAT_OPENS_WHAT]
DEMO, CHOSEN, ISSUED, CONTROL_TOKEN, OAUTH, ADMIN_TOKEN, COOKIE, LOCAL, DENIED, OTHER, HEADER = NAMES
REFUSED = {"401"}


def everywhere(*opens: str) -> dict[str, set[str]]:
    return {name: {*opens} for name in SERVERS}


# (row, text that is sent, X-Mock-Sandbox, what it opens at vendors on each server)
AT_VENDORS = [
    (DEMO, "demo", None, {"guarded": {"demo"}, "local": {"demo"}, "lenient": {"demo"}}),
    (CHOSEN, "sbx_a.b", None, {"guarded": {"a.b"}, "local": {"a.b"}, "lenient": {"a.b"}}),
    (CHOSEN, "sbx_private", None, everywhere("401")),
    (ISSUED, "issued", None, everywhere("private")),
    (ISSUED, "issued", "demo", everywhere("sandbox_header_not_trusted")),
    (ISSUED, "issued", "private", everywhere("private")),
    (ISSUED, "sbx_" + "a" * 26, None, everywhere("401")),
    (CONTROL_TOKEN, "control token", None, everywhere("401")),
    (OAUTH, "token of private", None, everywhere("private", "401")),
    (OAUTH, "token of demo", None, {"guarded": {"demo", "401"}, "local": {"demo", "401"}}),
    (ADMIN_TOKEN, "s3cret", None, everywhere("401")),
    (COOKIE, "session of everything", None, everywhere("401")),
    (COOKIE, "session of private", None, everywhere("401")),
    (DENIED, "forbidden", None, everywhere("401", "403")),
    (OTHER, "pk_live_Zm9v", None, {"guarded": REFUSED, "local": REFUSED, "lenient": {"demo"}}),
    (OTHER, "sbx_a/b", None, everywhere("401")),
    (HEADER, "demo", "c", {"guarded": {"sandbox_header_not_trusted"}, "local": {"c"}}),
    (HEADER, "sbx_a.b", "c", {"guarded": {"sandbox_header_not_trusted"}, "local": {"c"}}),
    (HEADER, "demo", "private", everywhere("sandbox_header_not_trusted")),
    (HEADER, "pk_live_Zm9v", "c", {"guarded": REFUSED, "local": REFUSED}),
]
# (row, bearer token, what it opens of control on a server with an admin token, and on one without)
AT_CONTROL = [
    (DEMO, "demo", NOTHING, EVERYTHING),
    (CHOSEN, "sbx_private", NOTHING, EVERYTHING),
    (ISSUED, "issued", NOTHING, EVERYTHING),
    (CONTROL_TOKEN, "control token", ONE_SANDBOX, ONE_SANDBOX),
    (CONTROL_TOKEN, "ctl_" + "a" * 26, NOTHING, NOTHING),
    (OAUTH, "token of private", NOTHING, EVERYTHING),
    (ADMIN_TOKEN, "s3cret", EVERYTHING, EVERYTHING),
    (COOKIE, "session of everything", EVERYTHING, EVERYTHING),
    (COOKIE, "session of private", ONE_SANDBOX, ONE_SANDBOX),
    (COOKIE, "a" * 43, NOTHING, EVERYTHING),
    (LOCAL, None, NOTHING, EVERYTHING),
    (DENIED, "forbidden", NOTHING, EVERYTHING),
    (OTHER, "pk_live_Zm9v", NOTHING, EVERYTHING),
]


def test_docs_show_the_table() -> None:
    assert markdown() in (ROOT / "docs" / "server.md").read_text()


def test_every_row_is_tried() -> None:
    assert {case[0] for case in AT_VENDORS} == {*NAMES} - {LOCAL}, "no token opens nothing at a vendor"
    assert {case[0] for case in AT_CONTROL} == {*NAMES} - {HEADER}, "the header is not for control"


@pytest.mark.parametrize(("row", "sent", "header", "opens"), AT_VENDORS)
def test_what_opens_at_vendors(
    servers: dict[str, Server], row: str, sent: str, header: str | None, opens: dict[str, set[str]]
) -> None:
    for name, expected in opens.items():
        found = servers[name].cookie_opens(sent) if row == COOKIE else servers[name].opens(sent, header)
        assert found <= expected if row == DENIED else found == expected, name


@pytest.mark.parametrize(("row", "sent", "guarded", "local"), AT_CONTROL)
def test_what_opens_of_control(
    servers: dict[str, Server], row: str, sent: str | None, guarded: dict[Any, int], local: dict[Any, int]
) -> None:
    for server, expected in ((servers["guarded"], guarded), (servers["local"], local)):
        if row == COOKIE:
            assert sent
            assert server.control(None, **server.cookie(sent)) == expected
        else:
            assert server.control(sent) == expected


def test_no_credential_opens_nothing_at_a_vendor(servers: dict[str, Server]) -> None:
    for server in servers.values():
        vendors = [contract.vendor for contract in server.mock.contracts]
        answers = [server.client.get(f"/{vendor.name}{vendor.sample}") for vendor in vendors]
        assert {answer.status_code for answer in answers} == {401}


def test_no_token_opens_nothing_from_elsewhere(servers: dict[str, Server]) -> None:
    for headers in (
        {"Host": "mock.example"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Origin": "http://localhost"},
    ):
        assert servers["local"].control(None, **headers) == FORBIDDEN


def test_control_token_opens_its_sandbox_from_anywhere(servers: dict[str, Server]) -> None:
    headers = {"Host": "mock.example", "X-Forwarded-For": "203.0.113.7", "Origin": "https://mock.example"}
    assert servers["local"].control("control token", **headers) == ONE_SANDBOX


def test_header_opens_nothing_of_control(servers: dict[str, Server]) -> None:
    assert servers["guarded"].control(None, **{"X-Mock-Sandbox": "private"}) == NOTHING
