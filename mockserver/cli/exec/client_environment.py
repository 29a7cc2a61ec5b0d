"""The environment of a command: the variables by which the clients of many languages find the mock."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mockserver.cli.exec.ca_bundles import BUNDLES, EXTRA, PASSWORD, CaBundles
from mockserver.contract.hosts import Hosts

LOCAL = ("localhost", "127.0.0.1", "::1")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# Node's clients go by these before any other.
NPM = ("npm_config_proxy", "npm_config_https_proxy")
NPM_FOREIGN = ("npm_config_http_proxy", "npm_config_no_proxy", "npm_config_noproxy")


def environment(
    user: Mapping[str, str],
    base_url: str,
    proxy: str,
    trust: CaBundles,
    hosts: Hosts,
    only_vendors: bool = False,
) -> dict[str, str]:
    """The user's environment, changed so that vendors' names lead to a proxy and its authority is trusted.

    Files that a language needs are written beside those of `trust`.
    """
    direct = [*dict.fromkeys([*LOCAL, *_exceptions(user, hosts)])]
    kept = {name: value for name, value in user.items() if name.lower() not in NPM_FOREIGN}
    return {
        **kept,
        **dict.fromkeys([*PROXIES, *NPM], proxy),
        **dict.fromkeys(["NO_PROXY", "no_proxy"], ",".join(direct)),
        **dict.fromkeys(BUNDLES, str(trust.bundle)),
        **_node(user, trust),
        "JAVA_TOOL_OPTIONS": _java(user.get("JAVA_TOOL_OPTIONS", ""), proxy, trust, direct),
        "PHP_INI_SCAN_DIR": _php(user.get("PHP_INI_SCAN_DIR", ""), trust),
        "MOCKSERVER_URL": base_url,
        "MOCKSERVER_PROXY": proxy,
        "MOCKSERVER_CA": str(trust.authority),
        "MOCKSERVER_DOMAINS": ",".join(hosts.domains),
        "MOCKSERVER_ONLY_VENDORS": str(int(only_vendors)),
    }


def _exceptions(user: Mapping[str, str], hosts: Hosts) -> Iterable[str]:
    """What the user wants no proxy for, less all that could let a vendor's name out."""
    entries = ",".join(user.get(name, "") for name in ("NO_PROXY", "no_proxy")).replace(",", " ").split()
    return (entry for entry in entries if not hosts.touched_by(entry))


def _node(user: Mapping[str, str], trust: CaBundles) -> dict[str, str]:
    preload = f"--require {json.dumps(str(Path(__file__).with_name('preload.cjs')))}"
    return {
        EXTRA: str(trust.extra),
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": " ".join(filter(None, [user.get("NODE_OPTIONS"), preload])),
    }


def _java(options: str, proxy: str, trust: CaBundles, direct: list[str]) -> str:
    """Options of every virtual machine; of two of one name the later counts."""
    url = urlsplit(proxy)
    hosts = "|".join(
        f"*{name}" if name.startswith(".") else f"[{name}]" if ":" in name else name for name in direct
    )
    values = {
        "http.proxyHost": url.hostname,
        "http.proxyPort": url.port,
        "https.proxyHost": url.hostname,
        "https.proxyPort": url.port,
        "http.nonProxyHosts": hosts,
        "javax.net.ssl.trustStore": trust.store,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": PASSWORD,
    }
    return " ".join(
        filter(None, [options, *(_quoted(f"-D{name}={value}") for name, value in values.items())])
    )


def _quoted(option: str) -> str:
    return f'"{option}"' if " " in option else option


def _php(folders: str, trust: CaBundles) -> str:
    """PHP reads its settings from files only; an empty name means the folder that it was built with."""
    folder = trust.bundle.parent / "php"
    folder.mkdir()
    settings = (f"{name} = {json.dumps(str(trust.bundle))}" for name in ("curl.cainfo", "openssl.cafile"))
    (folder / "mockserver.ini").write_text("\n".join([*settings, ""]))
    return os.pathsep.join([folders, str(folder)])
