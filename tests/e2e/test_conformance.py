"""Conformance: Schemathesis finds no difference between a running server and its specs.

Each operation is tested with the spec's examples, with Schemathesis' coverage phase and with generated
requests; a stateful test follows the links between operations. Vendors are tested with both engines.
Operations that differ in the dialect `observed` are tested in it too. The hook that forgives what no schema
says is the one that users get.
`MOCKSERVER_EXAMPLES` sets the number of generated requests for each operation of a vendor. The control API,
the engine Connexion, which tests/contract/test_engines.py compares with the other, and the dialect `observed`
get a quarter of them. The coverage phase sends a hundred and more, whatever this number is, so it runs once
for each operation: on the compiled engine, as documented. From 200 examples on, as in `make conform`, all get
the same number, and the coverage phase runs on both engines and in both dialects.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import openapi_spec_validator
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.pytest.lazy import get_all_tests

import mockserver.embedding.schemathesis_hooks  # noqa: F401, registers its hook
from mockserver import app
from mockserver.contract.openapi.schema import References
from mockserver.contract.openapi.spec import Spec
from mockserver.contract.vendor_files import VendorFiles
from mockserver.control.spec import control_spec
from mockserver.data.resources import floats
from mockserver.server.server import serving

FILES = VendorFiles()
EXAMPLES = int(os.environ.get("MOCKSERVER_EXAMPLES", "20"))
THOROUGH = EXAMPLES >= 200
# Not tested here, because they wait as long as the request says. Their tests are in tests/control.
WAITING_PATHS = ("/_mock/requests/wait", "/_mock/events")
LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
FEWER = settings(LIMITS, max_examples=EXAMPLES if THOROUGH else max(EXAMPLES // 4, 3))


def auth(document: dict[str, Any]) -> dict[str, Any]:
    """Return Schemathesis' settings for the security schemes of a spec, with the credential `demo`."""
    settings_of_scheme = {
        "basic": {"username": "demo", "password": "demo"},
        "bearer": {"bearer": "demo"},
        None: {"api_key": "demo"},
    }
    schemes = document["components"]["securitySchemes"].items()
    return {name: settings_of_scheme[scheme.get("scheme")] for name, scheme in schemes}


@cache
def spec_of(vendor: str, dialect: str = "documented") -> Spec:
    """Return a spec; the control API's includes the schemas of all faults."""
    spec = control_spec() if vendor == "control" else FILES.spec(vendor)
    return spec.observed if dialect == "observed" else spec


def document_of(vendor: str, dialect: str = "documented") -> dict[str, Any]:
    document: dict[str, Any] = floats(spec_of(vendor, dialect).document)
    return document


def load(vendor: str, dialect: str = "documented", coverage: bool = True) -> Any:
    document = document_of(vendor, dialect)
    config = SchemathesisConfig.from_dict(
        {
            "auth": {"openapi": auth(document)},
            "headers": {"X-Mock-Sandbox": f"conformance-{vendor}"},
            "phases": {"coverage": {"enabled": coverage}},
            "request-timeout": 60,  # seconds; a busy machine may need more than the usual 10
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    return schema.exclude(path=list(WAITING_PATHS))


SPECS = [*app.vendor_names(), "control"]
DIFFERING = [vendor for vendor in app.vendor_names() if spec_of(vendor).differences]
schemas = cache(load)


def operations(*vendors: str) -> list[tuple[str, str]]:
    """Return the vendor and id of each operation of some specs."""
    return [
        (vendor, operation.id)
        for vendor in vendors
        for operation in spec_of(vendor).operations.values()
        if operation.template not in WAITING_PATHS
    ]


def differing_operations() -> list[tuple[str, str]]:
    """Return the vendor and id of each operation that is not the same in both dialects."""
    return [(vendor, name) for vendor, name in operations(*DIFFERING)
            if whole(vendor, name, "documented") != whole(vendor, name, "observed")]  # fmt: skip


def whole(vendor: str, operation_id: str, dialect: str) -> Any:
    """Return an operation of a spec with all that it refers to."""
    spec = spec_of(vendor, dialect)
    references, operation = References(spec.document), spec.operations[operation_id]

    def resolved(node: Any) -> Any:
        node = references.resolve(node)
        if isinstance(node, dict):
            return {name: resolved(part) for name, part in node.items()}
        return [resolved(part) for part in node] if isinstance(node, list) else node

    item = spec.document["paths"][operation.template]
    return resolved([item.get("parameters"), item[operation.method.lower()]])


@dataclass(frozen=True)
class Server:
    """A server for this module alone, because the tests of the control API delete sandboxes."""

    mock: app.Mock
    url: str
    dialect: str
    session: requests.Session  # without it, Schemathesis would open a connection for each call

    def forget(self) -> None:
        """Delete all sandboxes. The default one begins anew."""
        for sandbox in self.mock.sandboxes:
            self.mock.sandboxes.delete(sandbox.name)

    def limits(self, spec: str) -> settings:
        """Return the settings for the tests of a spec on this server."""
        most = self.mock.engine.name == "compiled" and self.dialect == "documented" and spec != "control"
        return LIMITS if most else FEWER

    def url_of(self, spec: str) -> str:
        """Return the URL of a vendor: a call without a credential does not tell whose a shared path is."""
        return self.url if spec == "control" else f"{self.url}/{spec}"


@contextmanager
def running(engine: app.EngineName, dialect: str = "documented") -> Iterator[Server]:
    mock = app.build(engine=engine, dialect=dialect)
    with serving(mock.application) as url, requests.Session() as session:
        session.headers.clear()  # Schemathesis sends its own
        session.trust_env = False
        yield Server(mock, url, dialect, session)


@pytest.fixture(scope="module")
def compiled() -> Iterator[Server]:
    with running("compiled") as server:
        yield server


@pytest.fixture(scope="module")
def connexion() -> Iterator[Server]:
    with running("connexion") as server:
        yield server


@pytest.fixture(scope="module")
def observed() -> Iterator[Server]:
    with running("compiled", "observed") as server:
        yield server


@pytest.fixture(scope="module")
def observed_connexion() -> Iterator[Server]:
    with running("connexion", "observed") as server:
        yield server


@pytest.mark.parametrize("operation", operations(*SPECS), ids="-".join)
def test_operation_conforms_to_its_spec(operation: tuple[str, str], compiled: Server) -> None:
    validate(*operation, compiled, coverage=True)


@pytest.mark.parametrize("operation", operations(*app.vendor_names()), ids="-".join)
def test_operation_conforms_to_its_spec_with_connexion(operation: tuple[str, str], connexion: Server) -> None:
    validate(*operation, connexion)


@pytest.mark.parametrize("engine", ["observed", "observed_connexion"])
@pytest.mark.parametrize("operation", differing_operations(), ids="-".join)
def test_operation_conforms_to_its_spec_in_observed(
    operation: tuple[str, str], engine: str, request: pytest.FixtureRequest
) -> None:
    validate(*operation, request.getfixturevalue(engine), "observed")


def validate(
    vendor: str, operation_id: str, server: Server, dialect: str = "documented", *, coverage: bool = THOROUGH
) -> None:
    """Run Schemathesis' test of one operation.

    It is made here: Schemathesis' own `parametrize` makes those of all operations in each worker when tests
    are collected, which takes seconds.
    """
    server.forget()  # a test of the control API may have chosen another dialect for the default sandbox

    def call(case: Any) -> None:
        case.call_and_validate(base_url=server.url_of(vendor), session=server.session)

    load_all_checks()
    schema = schemas(vendor, dialect, coverage).include(operation_id=operation_id)
    limits = server.limits(vendor)
    [made] = get_all_tests(schema=schema, test_func=call, settings=limits, given_kwargs=None)
    _, test = made.ok()
    test()


@pytest.mark.parametrize(("engine", "vendor"), [
    *(("compiled", name) for name in SPECS), *(("connexion", name) for name in app.vendor_names()),
    *(("observed", name) for name in DIFFERING),
])  # fmt: skip
def test_stateful_sequences_conform_to_the_spec(
    engine: str, vendor: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    schema = load(vendor, "observed" if engine == "observed" else "documented")
    limits = server.limits(vendor)
    schema.config.update(base_url=server.url_of(vendor))

    class Sequences(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            """Let each sequence begin in the same state, so that it can be repeated."""
            server.forget()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"session": server.session}

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            case.validate_response(response)

    Sequences.run(settings=settings(limits, stateful_step_count=6))


def test_every_spec_is_a_valid_openapi_document() -> None:
    for vendor in SPECS:
        openapi_spec_validator.validate(document_of(vendor))
    for vendor in DIFFERING:
        openapi_spec_validator.validate(document_of(vendor, "observed"))


@pytest.mark.parametrize(("vendor", "dialect"), [
    *((vendor, "documented") for vendor in SPECS), *((vendor, "observed") for vendor in DIFFERING),
])  # fmt: skip
def test_every_response_has_evidence_source_and_valid_examples(vendor: str, dialect: str) -> None:
    spec = spec_of(vendor, dialect)
    responses = [reply for op in spec.operations.values() for reply in op.responses.values()]
    for reply in (*responses, *spec.shared_responses.values()):
        assert reply.evidence in ("documented", "observed", "inferred")
        assert reply.source
        assert reply.examples or not reply.schema, f"{reply.status} has no example"
        for example in reply.examples.values():
            assert not reply.schema.difference(example)
