"""Conformance: Schemathesis finds no difference between a running server and its specs.

Each operation is tested with the spec's examples, with Schemathesis' coverage phase and with generated
requests; a stateful test follows the links between operations. Vendors are tested with both engines.
`MOCKSERVER_EXAMPLES` sets the number of generated requests for each operation.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mockserver import app
from mockserver.contract.vendor_files import VendorFiles
from mockserver.control.spec import control_spec
from mockserver.resources import floats
from mockserver.server.server import serving

FILES = VendorFiles()
EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "20"))
DOCUMENTED_500 = re.compile(
    r'\{"errors":\["invalid (UUID length: \d+|UUID format|urn prefix: \\".*)"\]\}', re.DOTALL
)
# Refusals of requests that match the schema: a schema cannot express the state of a record, or a rule
# about two values of a request.
NOT_IN_SCHEMAS = re.compile(
    r"use warehouses|has no warehouses|there is no warehouse|more than once|does not agree with"
    r"|must not be (negative|more than)|The first date must be lower"
    # The control API: a record must match its vendor's schema, and an import the catalog.
    r'|"message":"\w+/\w+: |must be equal to the key|list it as|has no .* to (change|delete)'
    r"|year 9999|is not an ISO 8601|not_verified|there is no (vendor|operation) |a fork takes its seed"
)
# Not tested here, because they wait as long as the request says. Their tests are in tests/control.
WAITING_PATHS = ("/_mock/requests/wait", "/_mock/events")
load_all_checks()
LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
EXCLUDED_CHECKS = [not_a_server_error, positive_data_acceptance]  # OUR_CHECKS replace them


def auth(document: dict[str, Any]) -> dict[str, Any]:
    """Return Schemathesis' settings for the security schemes of a spec, with the credential `demo`."""
    settings_of_scheme = {
        "basic": {"username": "demo", "password": "demo"},
        "bearer": {"bearer": "demo"},
        None: {"api_key": "demo"},
    }
    schemes = document["components"]["securitySchemes"].items()
    return {name: settings_of_scheme[scheme.get("scheme")] for name, scheme in schemes}


def document_of(vendor: str) -> dict[str, Any]:
    """Return a spec's OpenAPI document; the control API's includes the schemas of all faults."""
    spec = control_spec() if vendor == "control" else FILES.spec(vendor)
    document: dict[str, Any] = floats(spec.document)
    return document


def load(vendor: str) -> Any:
    document = document_of(vendor)
    config = SchemathesisConfig.from_dict(
        {"auth": {"openapi": auth(document)}, "headers": {"X-Mock-Sandbox": f"conformance-{vendor}"}}
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    return schema.exclude(path=list(WAITING_PATHS))


@schemathesis.check
def server_errors_are_documented(context: Any, response: Any, case: Any) -> None:
    if response.status_code >= 500:
        assert DOCUMENTED_500.fullmatch(response.text), f"undocumented server error: {response.text}"


@schemathesis.check
def valid_requests_are_accepted(context: Any, response: Any, case: Any) -> None:
    if not NOT_IN_SCHEMAS.search(response.text):
        positive_data_acceptance(context, response, case)


OUR_CHECKS = [server_errors_are_documented, valid_requests_are_accepted]
SPECS = [*app.vendor_names(), "control"]
schemas = {vendor: load(vendor) for vendor in SPECS}


@dataclass(frozen=True)
class Server:
    """A server for this module alone, because the tests of the control API delete sandboxes."""

    mock: app.Mock
    url: str


@contextmanager
def running(engine: app.EngineName) -> Iterator[Server]:
    mock = app.build(engine=engine)
    with serving(mock.application) as url:
        yield Server(mock, url)


@pytest.fixture(scope="module")
def compiled() -> Iterator[Server]:
    with running("compiled") as server:
        yield server


@pytest.fixture(scope="module")
def connexion() -> Iterator[Server]:
    with running("connexion") as server:
        yield server


@schemathesis.pytest.parametrize(**schemas)
@LIMITS
def test_operation_conforms_to_its_spec(case: Any, compiled: Server) -> None:
    validate(case, compiled)


@schemathesis.pytest.parametrize(**{vendor: schemas[vendor] for vendor in app.vendor_names()})
@LIMITS
def test_operation_conforms_to_its_spec_with_connexion(case: Any, connexion: Server) -> None:
    validate(case, connexion)


def validate(case: Any, server: Server) -> None:
    case.call_and_validate(base_url=server.url, excluded_checks=EXCLUDED_CHECKS, additional_checks=OUR_CHECKS)


@pytest.mark.parametrize(("engine", "vendor"), [
    *(("compiled", name) for name in SPECS), *(("connexion", name) for name in app.vendor_names()),
])  # fmt: skip
def test_stateful_sequences_conform_to_the_spec(
    engine: str, vendor: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    schema = load(vendor)
    schema.config.update(base_url=server.url)

    class Sequences(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            """Delete all sandboxes, so that each sequence begins in the same state and can be repeated."""
            for sandbox in server.mock.sandboxes:
                server.mock.sandboxes.delete(sandbox.name)

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            case.validate_response(response, excluded_checks=EXCLUDED_CHECKS, additional_checks=OUR_CHECKS)

    Sequences.run(settings=settings(LIMITS, stateful_step_count=6))


def test_every_spec_is_a_valid_openapi_document() -> None:
    for vendor in SPECS:
        openapi_spec_validator.validate(document_of(vendor))


@pytest.mark.parametrize("vendor", SPECS)
def test_every_response_has_evidence_source_and_valid_examples(vendor: str) -> None:
    spec = control_spec() if vendor == "control" else FILES.spec(vendor)
    responses = [reply for op in spec.operations.values() for reply in op.responses.values()]
    for reply in (*responses, *spec.shared_responses.values()):
        assert reply.evidence in ("documented", "observed", "inferred")
        assert reply.source
        assert reply.examples or not reply.schema, f"{reply.status} has no example"
        for example in reply.examples.values():
            assert not reply.schema.difference(example)
