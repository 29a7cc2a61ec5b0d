"""The environment of a command: everything leads to the proxy, and what the user had is kept."""

import shlex
from pathlib import Path

import pytest
import trustme

from mockserver import app
from mockserver.cli.exec.ca_bundles import trust
from mockserver.cli.exec.client_environment import NPM, PROXIES, environment
from mockserver.contract.hosts import Hosts
from mockserver.contract.openapi.spec import Spec

SPECS = [Spec(name) for name in app.vendor_names()]
PROXY = "http://127.0.0.1:9"


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables for a user whose own are the test's parameter."""
    user = getattr(request, "param", {})
    files = trust(tmp_path, trustme.CA().cert_pem.bytes(), user)
    return environment(user, "http://127.0.0.1:8", PROXY, files, Hosts(SPECS, SPECS))


@pytest.mark.parametrize(
    "made",
    [
        {},
        dict.fromkeys([*PROXIES, *NPM, "npm_config_http_proxy", "NPM_CONFIG_NO_PROXY"], "socks5://elsewhere"),
    ],
    ids=["none", "others"],
    indirect=True,
)
def test_every_proxy_variable_names_the_proxy(made: dict[str, str]) -> None:
    named = {
        name: value
        for name, value in made.items()
        if name.lower().endswith("proxy") and "no" not in name.lower()[:3]
    }
    assert {*PROXIES, *NPM} <= set(named)
    assert "socks5://elsewhere" not in made.values()
    assert {value for name, value in named.items() if name != "NODE_USE_ENV_PROXY"} == {PROXY}


@pytest.mark.parametrize(
    ("made", "direct"),
    [
        ({}, []),
        ({"NO_PROXY": "*"}, []),
        (
            {"no_proxy": "db, .corp.internal,10.0.0.0/8 cache"},
            ["db", ".corp.internal", "10.0.0.0/8", "cache"],
        ),
        ({"NO_PROXY": "db,.leadconnectorhq.com", "no_proxy": "SHOP.demo.ro:443,cache"}, ["db", "cache"]),
        ({"NO_PROXY": "com,example,hq.com,db"}, ["db"]),
    ],
    indirect=["made"],
)
def test_exceptions_are_kept_unless_a_vendor_could_get_out(made: dict[str, str], direct: list[str]) -> None:
    assert made["NO_PROXY"] == made["no_proxy"] == ",".join(["localhost", "127.0.0.1", "::1", *direct])


@pytest.mark.parametrize(
    "made",
    [
        {
            "JAVA_TOOL_OPTIONS": "-Xmx1g -Dhttp.nonProxyHosts=*",
            "NODE_OPTIONS": "--no-warnings",
            "NO_PROXY": ".corp",
        }
    ],
    indirect=True,
)
def test_options_of_the_users_come_first_and_ours_count(made: dict[str, str]) -> None:
    java = shlex.split(made["JAVA_TOOL_OPTIONS"])
    assert java[:2] == ["-Xmx1g", "-Dhttp.nonProxyHosts=*"]
    assert java.index("-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|*.corp") > 1
    assert made["NODE_OPTIONS"].startswith("--no-warnings --require ")


@pytest.mark.parametrize(
    ("made", "first"), [({}, ""), ({"PHP_INI_SCAN_DIR": "/own"}, "/own")], indirect=["made"]
)
def test_php_reads_its_usual_settings_and_ours(made: dict[str, str], first: str) -> None:
    before, folder = made["PHP_INI_SCAN_DIR"].rsplit(":", 1)
    assert before == first
    assert (Path(folder) / "mockserver.ini").read_text().count(made["SSL_CERT_FILE"]) == 2


@pytest.mark.parametrize("made", [{"PATH": "/bin", "OWN": "kept"}], indirect=True)
def test_everything_else_is_as_it_was(made: dict[str, str]) -> None:
    assert (made["PATH"], made["OWN"], made["MOCKSERVER_URL"]) == ("/bin", "kept", "http://127.0.0.1:8")
