"""The control API's spec: every operation declares what it can answer."""

from collections.abc import Iterator

import httpx
import pytest

from mockserver import app
from mockserver.contract.openapi.operation import Operation
from mockserver.control.spec import control_spec
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT

OPEN = {"get-health", "get-ready"}  # they need no token
TOKEN = "t" * 32
OPERATIONS = control_spec().operations


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """Yield the URL of a server with an admin token."""
    with serving(app.build(products=1, admin_token=TOKEN).application) as url:
        yield url


def path_of(operation: Operation) -> str:
    """Return the operation's path, with the examples of its parameters."""
    return operation.template.format(**{one.name: one.example for one in operation.parameters})


@pytest.mark.finding("D5")
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in OPEN])
def test_call_without_the_token_is_refused_as_the_spec_declares(guarded_url: str, name: str) -> None:
    operation = OPERATIONS[name]
    response = httpx.request(
        operation.method, guarded_url + path_of(operation), json={}, verify=NO_CERTIFICATES, timeout=TIMEOUT
    )
    assert response.status_code == 401
    assert operation.responses[401].difference((), response.json()) == ""
    assert 403 in operation.responses


@pytest.mark.finding("D5")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_declares_what_a_request_alone_can_cause(name: str) -> None:
    """A query with an unknown parameter is refused anywhere; a body can be late, or too large."""
    operation = OPERATIONS[name]
    caused = {400} | ({408, 413} if operation.body else set())
    assert caused <= operation.responses.keys()
