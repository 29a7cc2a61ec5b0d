"""Conformance: Schemathesis walks every spec against the running server and finds nothing.

Examples, coverage and fuzzing run for each operation, the stateful walk follows the links.
`MOCKSERVER_EXAMPLES` sets the number of generated examples for each operation.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mockserver import app
from mockserver.contract.openapi.schema import floats
from mockserver.contract.openapi.spec import Spec
from mockserver.resources import read, spec_file
from mockserver.server.server import serving

EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "25"))
DOCUMENTED_500 = re.compile(
    r'\{"errors":\["invalid (UUID length: \d+|UUID format|urn prefix: \\".*)"\]\}', re.DOTALL
)
# What no schema can say: the state of a record, and how two values of one request fit together.
BEYOND_SCHEMAS = re.compile(
    r"use warehouses|has no warehouses|there is no warehouse|more than once|does not agree with"
    r"|must not be (negative|more than)|The first date must be lower"
    # the control API: a record's schema is its vendor's, and a document must fit the catalogue
    r'|"message":"\w+/\w+: |its key is|list it as|has no .* to (change|delete)'
    r"|year 9999|is not an ISO 8601|not_verified|there is no (vendor|operation) |a fork has the seed"
)
# These take as long as they are asked to; test_journal asks them.
BY_THE_CLOCK = ("/_mock/requests/wait", "/_mock/events")
load_all_checks()
LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HARNESS = [not_a_server_error, positive_data_acceptance]  # replaced by the tighter ones below


def auth(document: dict[str, Any]) -> dict[str, Any]:
    """Schemathesis' settings for the security schemes of a spec, with the credential `demo`."""
    ways = {
        "basic": {"username": "demo", "password": "demo"},
        "bearer": {"bearer": "demo"},
        None: {"api_key": "demo"},
    }
    schemes = document["components"]["securitySchemes"].items()
    return {name: ways[scheme.get("scheme")] for name, scheme in schemes}


def load(vendor: str) -> Any:
    document = floats(read(spec_file(vendor)))
    config = SchemathesisConfig.from_dict(
        {"auth": {"openapi": auth(document)}, "headers": {"X-Mock-Sandbox": f"conformance-{vendor}"}}
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    return schema.exclude(path=list(BY_THE_CLOCK))


@schemathesis.check
def a_500_only_as_documented(context: Any, response: Any, case: Any) -> None:
    if response.status_code >= 500:
        assert DOCUMENTED_500.fullmatch(response.text), f"undocumented failure: {response.text}"


@schemathesis.check
def valid_data_refused_only_for_what_no_schema_says(context: Any, response: Any, case: Any) -> None:
    if not BEYOND_SCHEMAS.search(response.text):
        positive_data_acceptance(context, response, case)


OURS = [a_500_only_as_documented, valid_data_refused_only_for_what_no_schema_says]
SPECS = [*app.vendor_names(), "control"]
schemas = {vendor: load(vendor) for vendor in SPECS}


@pytest.fixture(scope="module")
def mock() -> app.Mock:
    """A mock that nobody else uses: the control API is free to delete what it likes."""
    return app.build()


@pytest.fixture(scope="module")
def own_url(mock: app.Mock) -> Iterator[str]:
    with serving(mock.application) as url:
        yield url


@schemathesis.pytest.parametrize(**schemas)
@LIMITS
def test_an_operation_keeps_its_spec(case: Any, own_url: str) -> None:
    case.call_and_validate(base_url=own_url, excluded_checks=HARNESS, additional_checks=OURS)


@pytest.mark.parametrize("vendor", schemas)
def test_a_walk_along_the_links_keeps_the_spec(vendor: str, own_url: str, mock: app.Mock) -> None:
    schema = load(vendor)
    schema.config.update(base_url=own_url)

    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            """Each walk begins in the same world, or it could not be repeated."""
            for sandbox in mock.sandboxes:
                mock.sandboxes.delete(sandbox.name)

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            case.validate_response(response, excluded_checks=HARNESS, additional_checks=OURS)

    Walk.run(settings=settings(LIMITS, stateful_step_count=6))


def test_every_spec_is_a_valid_openapi_document() -> None:
    for vendor in SPECS:
        openapi_spec_validator.validate(floats(read(spec_file(vendor))))


@pytest.mark.parametrize("vendor", SPECS)
def test_every_answer_has_evidence_a_source_and_a_valid_example(vendor: str) -> None:
    spec = Spec(vendor)
    responses = [reply for op in spec.operations.values() for reply in op.responses.values()]
    for reply in (*responses, *spec.ground.values()):
        assert reply.evidence in ("documented", "observed", "inferred")
        assert reply.source
        assert reply.examples or not reply.schema, f"{reply.status} has no example"
        for example in reply.examples.values():
            assert not reply.schema.difference(example)
