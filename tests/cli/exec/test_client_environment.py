"""The environment of a command: clients use the proxy, and the user's own settings are kept."""

import shlex
from pathlib import Path

import pytest
import trustme

from mockserver import app
from mockserver.cli.exec.ca_bundles import write_ca_bundles
from mockserver.cli.exec.client_environment import NPM_PROXY_VARIABLES, PROXY_VARIABLES, client_environment
from mockserver.contract.hosts import Hosts
from mockserver.contract.vendor_files import VendorFiles

SPECS = [VendorFiles().spec(name) for name in app.vendor_names()]
PROXY_URL = "http://127.0.0.1:9"
OTHER_PROXY = "socks5://elsewhere"


@pytest.fixture
def variables(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the command's environment. The fixture's parameter is the user's environment."""
    user = getattr(request, "param", {})
    bundles = write_ca_bundles(tmp_path, trustme.CA().cert_pem.bytes(), user)
    return client_environment(user, "http://127.0.0.1:8", PROXY_URL, bundles, Hosts(SPECS, SPECS))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        dict.fromkeys(
            [*PROXY_VARIABLES, *NPM_PROXY_VARIABLES, "npm_config_http_proxy", "NPM_CONFIG_NO_PROXY"],
            OTHER_PROXY,
        ),
    ],
    ids=["no proxy", "another proxy"],
    indirect=True,
)
def test_every_proxy_variable_is_set_to_our_proxy(variables: dict[str, str]) -> None:
    proxies = {
        name: value
        for name, value in variables.items()
        if name.lower().endswith("proxy") and "no" not in name.lower()[:3]
    }
    assert {*PROXY_VARIABLES, *NPM_PROXY_VARIABLES} <= set(proxies)
    assert OTHER_PROXY not in variables.values()
    assert {value for name, value in proxies.items() if name != "NODE_USE_ENV_PROXY"} == {PROXY_URL}


@pytest.mark.parametrize(
    ("variables", "exceptions"),
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
    indirect=["variables"],
)
def test_variable_no_proxy_keeps_its_entries_for_other_hosts(
    variables: dict[str, str], exceptions: list[str]
) -> None:
    expected = ",".join(["localhost", "127.0.0.1", "::1", *exceptions])
    assert variables["NO_PROXY"] == variables["no_proxy"] == expected


@pytest.mark.parametrize(
    "variables",
    [
        {
            "JAVA_TOOL_OPTIONS": "-Xmx1g -Dhttp.nonProxyHosts=*",
            "NODE_OPTIONS": "--no-warnings",
            "NO_PROXY": ".corp",
        }
    ],
    indirect=True,
)
def test_our_java_and_node_options_follow_those_of_the_user(variables: dict[str, str]) -> None:
    java = shlex.split(variables["JAVA_TOOL_OPTIONS"])
    assert java[:2] == ["-Xmx1g", "-Dhttp.nonProxyHosts=*"]
    assert java.index("-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|*.corp") > 1
    assert variables["NODE_OPTIONS"].startswith("--no-warnings --require ")


@pytest.mark.parametrize(
    ("variables", "user_folders"),
    [({}, ""), ({"PHP_INI_SCAN_DIR": "/own"}, "/own")],
    indirect=["variables"],
)
def test_php_reads_the_settings_of_the_user_before_ours(variables: dict[str, str], user_folders: str) -> None:
    folders, ours = variables["PHP_INI_SCAN_DIR"].rsplit(":", 1)
    assert folders == user_folders
    assert (Path(ours) / "mockserver.ini").read_text().count(variables["SSL_CERT_FILE"]) == 2


@pytest.mark.parametrize("variables", [{"PATH": "/bin", "OWN": "1"}], indirect=True)
def test_other_variables_are_inherited(variables: dict[str, str]) -> None:
    assert (variables["PATH"], variables["OWN"]) == ("/bin", "1")
    assert variables["MOCKSERVER_URL"] == "http://127.0.0.1:8"
