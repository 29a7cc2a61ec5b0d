"""Where `Client()` finds its server: arguments, then the environment, then the default."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver import app
from mockserver.client import Client, Refused, Unreachable
from mockserver.embedding.pytest_plugin.fixtures import RunningServer
from mockserver.server.server import serving
from mockserver.server.tls.context import context_from_files
from tests.certificates import FUTURE, pem_pair, write_pair

pytestmark = pytest.mark.finding("C3")
TOKEN = "a-secret-token-of-this-test"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOCKSERVER_URL", "MOCKSERVER_CA", "MOCKSERVER_ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def secured() -> Iterator[str]:
    """Yield the URL of a server with an admin token."""
    with serving(app.build(products=1, admin_token=TOKEN).application) as url:
        yield url


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return the file of a certificate authority. Its certificate is that of `https_server` too."""
    write_pair(tmp_path / "ca.pem", tmp_path / "key.pem", pem_pair(FUTURE))
    return tmp_path / "ca.pem"


@pytest.fixture
def https_server(authority: Path) -> Iterator[str]:
    tls = context_from_files(authority, authority.with_name("key.pem"))
    with serving(app.build(products=1).application, tls=tls) as url:
        yield url.replace("127.0.0.1", "localhost")


def test_url_and_token_are_read_from_the_environment(secured: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKSERVER_URL", f"{secured}/")
    with pytest.raises(Refused, match="admin token"), Client() as client:
        client.sandbox()
    monkeypatch.setenv("MOCKSERVER_ADMIN_TOKEN", TOKEN)
    with Client() as client:
        assert (client.url, client.sandbox().name) == (secured, "demo")


def test_arguments_come_before_the_environment(
    secured: str, mockserver: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOCKSERVER_URL", mockserver.url)
    monkeypatch.setenv("MOCKSERVER_ADMIN_TOKEN", "another")
    with Client(secured, token=TOKEN) as client:
        assert client.sandbox().name == "demo"
    with pytest.raises(Refused), Client(secured, token="") as client:
        client.sandbox()


def test_default_is_the_default_of_the_command_serve() -> None:
    assert Client().url == "http://localhost:8080"


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_authority_is_trusted(
    https_server: str, authority: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"), Client(https_server) as client:
        client.health()
    if given == "environment":
        monkeypatch.setenv("MOCKSERVER_CA", str(authority))
    with Client(https_server, ca=authority if given == "argument" else None) as client:
        assert client.health()["status"] == "ok"


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_file_that_is_no_authority_is_a_value_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=f"cannot use {path} as the file of a certificate authority"):
        Client("https://localhost:8443", ca=path)


def test_authority_is_not_needed_for_http(mockserver: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKSERVER_CA", "/nowhere")
    with Client(mockserver.url) as client:
        assert client.health()["status"] == "ok"


def test_transport_of_ones_own_reads_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKSERVER_CA", "/nowhere")
    asked: list[str] = []

    def ask(method: str, path: str, body: object) -> tuple[int, object]:
        asked.append(path)
        return 200, {"status": "ok"}

    Client("https://acme.example", ask).health()
    assert asked == ["/_mock/health"]


def test_client_uses_no_proxy(mockserver: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Client(mockserver.url) as client:
        assert client.health()["status"] == "ok"
