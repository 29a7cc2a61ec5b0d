"""The sandboxes that an operation of the control API needs, by its request alone."""

import json

import pytest

from mockserver import app
from mockserver.server.pipeline.pending import PendingTurn
from mockserver.server.turns.control_needs import named_sandboxes, new_sandbox
from tests.server.turns.witness import request

ROUTER = app.build(names=("merchantpro",), products=1).application.router
COUNT, CREATE, FORK = "POST /requests/count", "POST /sandboxes", "POST /sandboxes/a/fork"


def turn(operation: str, body: object = None) -> PendingTurn:
    method, path = operation.split()
    raw = request(method, f"/_mock{path}", {}, b"" if body is None else json.dumps(body).encode())
    return PendingTurn(raw, ROUTER.route(raw), 0.0)


@pytest.mark.parametrize(
    ("operation", "body", "names"),
    [
        ("GET /sandboxes/a", None, ["a"]),
        ("GET /requests/a.7", None, ["a"]),
        ("GET /requests?sandbox=a", None, ["a"]),
        (COUNT, {"sandbox": "a"}, ["a"]),
        ("POST /requests/verify", {"match": {"sandbox": "a"}}, ["a"]),
        (CREATE, {"fork": "a"}, ["a"]),
        (COUNT, ["sandbox"], []),
        (COUNT, {"sandbox": "not a name"}, []),
    ],
)
def test_sandboxes_are_named_in_many_places(operation: str, body: object, names: list[str]) -> None:
    assert [*named_sandboxes(turn(operation, body))] == names


def test_document_of_an_import_is_not_read_for_names() -> None:
    """It may have 32 MiB: to decode it on the event loop held up all other calls for seconds."""
    assert [*named_sandboxes(turn("PUT /sandboxes/a/import", {"sandbox": "b"}))] == ["a"]


@pytest.mark.parametrize(
    ("operation", "body", "names"),
    [
        (CREATE, {"name": "new"}, ["new"]),
        (CREATE, {}, []),
        (CREATE, {"name": "not a name"}, []),
        (CREATE, {"name": 7}, []),
        (FORK, {"name": "new"}, ["new"]),
        ("PUT /sandboxes/a/snapshots/b", {"name": "new"}, []),
    ],
)
def test_new_sandbox_is_named_in_the_body(operation: str, body: object, names: list[str]) -> None:
    assert [*new_sandbox(turn(operation, body))] == names
