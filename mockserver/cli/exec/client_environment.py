"""The environment of a command: variables that make clients in many languages use our proxy."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mockserver.cli.exec.ca_bundles import BUNDLE_VARIABLES, JAVA_PASSWORD, NODE_VARIABLE, CaBundles
from mockserver.contract.hosts import Hosts

PYTHON_PRELOAD = Path(__file__).with_name("python_preload")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# Node clients that read proxy variables prefer these to the ones above.
NPM_PROXY_VARIABLES = ("npm_config_proxy", "npm_config_https_proxy")
NPM_REMOVED_VARIABLES = ("npm_config_http_proxy", "npm_config_no_proxy", "npm_config_noproxy")


def client_environment(
    user: Mapping[str, str],
    base_url: str,
    proxy_url: str,
    bundles: CaBundles,
    hosts: Hosts,
    only_vendors: bool = False,
) -> dict[str, str]:
    """Return the user's environment, changed so that clients use the proxy and trust its certificates.

    `base_url` is the URL of the mock itself. Settings for PHP are written to a file next to the CA
    bundles.
    """
    no_proxy = [*dict.fromkeys([*LOCAL_HOSTS, *_safe_exceptions(user, hosts)])]
    inherited = {name: value for name, value in user.items() if name.lower() not in NPM_REMOVED_VARIABLES}
    return {
        **inherited,
        **dict.fromkeys([*PROXY_VARIABLES, *NPM_PROXY_VARIABLES], proxy_url),
        **dict.fromkeys(["NO_PROXY", "no_proxy"], ",".join(no_proxy)),
        **dict.fromkeys(BUNDLE_VARIABLES, str(bundles.bundle)),
        **_node_variables(user, bundles),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PYTHON_PRELOAD), user.get("PYTHONPATH")])),
        "JAVA_TOOL_OPTIONS": _java_options(user.get("JAVA_TOOL_OPTIONS", ""), proxy_url, bundles, no_proxy),
        "PHP_INI_SCAN_DIR": _php_folders(user.get("PHP_INI_SCAN_DIR", ""), bundles),
        "MOCKSERVER_URL": base_url,
        "MOCKSERVER_PROXY": proxy_url,
        "MOCKSERVER_CA": str(bundles.authority),
        "MOCKSERVER_DOMAINS": ",".join(hosts.domains),
        "MOCKSERVER_ONLY_VENDORS": str(int(only_vendors)),
    }


def _safe_exceptions(user: Mapping[str, str], hosts: Hosts) -> Iterable[str]:
    """Yield the user's NO_PROXY entries, except those that could match a vendor's host."""
    entries = ",".join(user.get(name, "") for name in ("NO_PROXY", "no_proxy")).replace(",", " ").split()
    return (entry for entry in entries if not hosts.may_match_vendor(entry))


def _node_variables(user: Mapping[str, str], bundles: CaBundles) -> dict[str, str]:
    preload = f"--require {json.dumps(str(Path(__file__).with_name('preload.cjs')))}"
    return {
        NODE_VARIABLE: str(bundles.node_extra),
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": " ".join(filter(None, [user.get("NODE_OPTIONS"), preload])),
    }


def _java_options(user_options: str, proxy_url: str, bundles: CaBundles, no_proxy: list[str]) -> str:
    """Return the options for every Java virtual machine: the user's, then ours.

    Ours come last because Java uses the last value if a property is set more than once.
    """
    url = urlsplit(proxy_url)
    hosts = "|".join(
        f"*{name}" if name.startswith(".") else f"[{name}]" if ":" in name else name for name in no_proxy
    )
    properties = {
        "http.proxyHost": url.hostname,
        "http.proxyPort": url.port,
        "https.proxyHost": url.hostname,
        "https.proxyPort": url.port,
        "http.nonProxyHosts": hosts,
        "javax.net.ssl.trustStore": bundles.java_store,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": JAVA_PASSWORD,
    }
    ours = [_quoted(f"-D{name}={value}") for name, value in properties.items()]
    return " ".join(filter(None, [user_options, *ours]))


def _quoted(option: str) -> str:
    return f'"{option}"' if " " in option else option


def _php_folders(user_folders: str, bundles: CaBundles) -> str:
    """Write a settings file for PHP, and return the folders in which PHP looks for such files.

    PHP reads these settings only from files. An empty name in the result stands for the folder that
    PHP was built with.
    """
    folder = bundles.bundle.parent / "php"
    folder.mkdir()
    settings = (f"{name} = {json.dumps(str(bundles.bundle))}" for name in ("curl.cainfo", "openssl.cafile"))
    (folder / "mockserver.ini").write_text("\n".join([*settings, ""]))
    return os.pathsep.join([user_folders, str(folder)])
