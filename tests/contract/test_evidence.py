"""The evidence tables: pages and neighbours apart, each with the day on which it was last read."""

from pathlib import Path

import pytest
import yaml

from mockserver.contract import evidence
from mockserver.contract.openapi.spec import Spec
from tests.contract.sample_vendor import FILES, SPEC

NEIGHBOUR = {
    "operationId": "count-items",
    "x-scope": "neighbour",
    "responses": {"200": {"description": "A number", "x-evidence": "observed", "x-source": "a client"}},
}


@pytest.fixture
def spec() -> Spec:
    document = yaml.safe_load(FILES[SPEC])
    document["info"] |= {"x-read": "2026-01-02", "x-read-neighbours": "2026-03-04"}
    document["paths"]["/items"] = {"get": NEIGHBOUR}
    document["x-not-emulated"] = ["GET /orders", "DELETE /items/{id}"]
    return Spec("sample", Path("sample.yaml"), document)


def test_pages_and_neighbours_have_a_table_each(spec: Spec) -> None:
    pages, neighbours, shared, missing = (
        part.splitlines() for part in evidence.as_markdown([spec]).split(":\n\n")[1:]
    )
    assert pages[2] == "| sample | `GET /items/{id}` | 2026-01-02 | 200 |  |  |"
    assert neighbours[2] == "| sample | `GET /items` | 2026-03-04 |  | 200 |  |"
    assert shared[0] == "| vendor | documented | observed | inferred |"
    assert missing[2] == "| sample | `GET /orders`, `DELETE /items/{id}` |"


def test_text_tells_scope_and_day_and_what_is_missing(spec: Spec) -> None:
    lines = evidence.as_text([spec]).splitlines()
    assert "  GET /items/{id}  (get-item)  page, read 2026-01-02" in lines
    assert "  GET /items  (count-items)  neighbour, read 2026-03-04" in lines
    assert lines[-2:] == ["    GET /orders", "    DELETE /items/{id}"]


def test_webhooks_have_a_table(spec: Spec) -> None:
    spec.document["x-webhook-topics"] = {
        "items/update": {"schema": {"type": "object"}, "x-evidence": "observed", "x-source": "a | client"}
    }
    spec = Spec("sample", Path("sample.yaml"), spec.document)
    assert "| sample | `items/update` | observed | a \\| client |" in evidence.as_markdown([spec])
    lines = evidence.as_text([spec]).splitlines()
    assert lines[lines.index("  webhooks") + 1] == "    observed   items/update"


def test_day_that_a_spec_does_not_state_is_said_to_be_missing() -> None:
    spec = Spec("sample", Path("sample.yaml"), yaml.safe_load(FILES[SPEC]))
    assert "page, read not stated" in evidence.as_text([spec])
