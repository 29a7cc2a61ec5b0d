"""The router: whose a request is, if several vendors have its path."""

from pathlib import Path

import pytest

from mockserver import app
from mockserver.server.router import Route, Router
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers
from tests.contract.sample_vendor import FILES, FIXTURE, MODULE, SPEC

BASIC, BEARER = "Basic ZGVtbzpkZW1v", "Bearer demo"
PUT_ITEM = """    put:
      operationId: put-item
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200": {description: The item, x-evidence: documented, x-source: a page}
"""
NOT_EMULATED = "x-not-emulated: [GET /items/count, POST /orders]\n"
PATCH_TOO = 'x-not-emulated: [GET /items/count, POST /orders, "PATCH /items/{id}"]\n'
PATCH_TOO = 'x-not-emulated: [GET /items/count, POST /orders, "PATCH /items/{id}"]\n'


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Router:
    """A router for Acme, which has bearer tokens, and Bolt, which has basic users and one method more."""
    folder = tmp_path_factory.mktemp("vendors")
    for name in ("acme", "bolt"):
        spec = FILES[SPEC] + (PATCH_TOO if name == "bolt" else NOT_EMULATED)
        module = FILES[MODULE]
        if name == "bolt":
            spec = spec.replace("x-shared-responses:\n", f"{PUT_ITEM}x-shared-responses:\n").replace(
                "acme", name
            )
            module = module.replace("bearer_token", "basic_user").replace("acme", name)
            module = module.replace('f"Bearer {credential}"}', 'f"Basic {credential}", "X-Shop": "1"}')
            module = module.replace('{"get-item": get_item}', '{"get-item": get_item, "put-item": get_item}')
        for file, text in ((MODULE, module), (SPEC, spec), (FIXTURE, FILES[FIXTURE])):
            path = folder / Path(file).parent / Path(file).name.replace("acme", name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    mock = app.build(names=["acme", "bolt"], vendors_from=folder)
    return Router(mock.contracts, mock.control)


def test_further_header_of_a_vendor_tells_whose_a_call_without_credential_is(router: Router) -> None:
    headers = Headers([(b"x-shop", b"2")])
    assert router.route(RawRequest("GET", "/items/1", "", headers)).contract.vendor.name == "bolt"


def routed(router: Router, method: str, path: str, authorization: str = "", host: str = "") -> Route:
    lines = {b"authorization": authorization.encode(), b"host": host.encode()}
    headers = Headers([(name, value) for name, value in lines.items() if value])
    return router.route(RawRequest(method, path, "", headers))


@pytest.mark.parametrize(
    ("method", "path", "authorization", "host", "vendor"),
    [
        ("GET", "/items/1", BEARER, "", "acme"),
        ("GET", "/items/1", BASIC, "", "bolt"),
        ("HEAD", "/items/1", BASIC, "", "bolt"),
        ("GET", "/items/1", "", "", "acme"),  # the first one
        ("PUT", "/items/1", BEARER, "", "bolt"),  # no other has the method
        ("DELETE", "/items/1", BASIC, "", "bolt"),  # none has the method
        ("DELETE", "/items/1", "", "", "acme"),
        ("PATCH", "/items/1", BEARER, "", "bolt"),  # only one has the method, and the mock has not
        ("GET", "/items/1", BASIC, "api.acme.example", "acme"),
        ("GET", "/acme/items/1", BASIC, "", "acme"),
        ("GET", "/bolt/items/1", BEARER, "", "bolt"),
        ("POST", "/orders", BASIC, "", "bolt"),  # both have it, and the mock does not
        ("POST", "/orders", BEARER, "", "acme"),
    ],
)
def test_shared_path_is_of_the_vendor_with_the_kind_of_credential(
    router: Router, method: str, path: str, authorization: str, host: str, vendor: str
) -> None:
    assert routed(router, method, path, authorization, host).contract.vendor.name == vendor


@pytest.mark.parametrize(("method", "known"), [("GET", False), ("HEAD", False), ("PUT", True)])
@pytest.mark.parametrize("prefix", ["", "/bolt"])
def test_endpoint_that_is_not_emulated_is_no_item(
    router: Router, method: str, known: bool, prefix: str
) -> None:
    """`GET /items/count` is an endpoint of its own; a PUT to it is one to the item `count`."""
    route = routed(router, method, f"{prefix}/items/count", BASIC)
    assert (route.path is not None, route.operation is not None) == (known, known)
    assert routed(router, method, f"{prefix}/items/counts", BASIC).operation
