"""Conformance: Schemathesis finds no difference between a running server and its specs.

Each operation is tested with the spec's examples, with Schemathesis' coverage phase and with generated
requests; a stateful test follows the links between operations. Vendors are tested with both engines. The hook
that forgives what no schema says is the one that users get.
`MOCKSERVER_EXAMPLES` sets the number of generated requests for each operation.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

import mockserver.schemathesis_hooks  # noqa: F401, registers its hook
from mockserver import app
from mockserver.contract.vendor_files import VendorFiles
from mockserver.control.spec import control_spec
from mockserver.resources import floats
from mockserver.server.server import serving

FILES = VendorFiles()
EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "20"))
# Not tested here, because they wait as long as the request says. Their tests are in tests/control.
WAITING_PATHS = ("/_mock/requests/wait", "/_mock/events")
LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


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
    case.call_and_validate(base_url=server.url)


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
            case.validate_response(response)

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
