"""The servers that are measured: this one, bare ASGI and the peers, and how to start each of them."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.operations import PRODUCTS
from tests.bench.process import Command
from tests.bench.tools import MODULES, WIREMOCK

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Peer:
    """A server that is measured; it has one column of the table.

    `note` says what the server does and does not do. `needs` names the programs that must be installed,
    and `npm` is True if the server comes from npm.
    """

    title: str
    command: Command
    note: str
    needs: tuple[str, ...] = ()
    npm: bool = False


def ours(products: int = PRODUCTS) -> Command:
    """Return the command for this server, with every check on."""
    return _python("mockserver", "--port", "{port}", "--products", str(products), "--log-level", "warning")


def _python(*arguments: str, **environment: str) -> Command:
    # Let the first start write bytecode, even if the shell forbids it, so that no later start compiles.
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    defaults = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    return Command([sys.executable, "-m", *arguments], {**defaults, **environment})


def _node(script: str, *arguments: str) -> Command:
    return Command(["node", str(MODULES / script), *arguments])


def _prism(*flags: str) -> Command:
    listen = ("-h", "127.0.0.1", "-p", "{port}", "-v", "fatal")
    return _node("@stoplight/prism-cli/dist/index.js", "mock", *flags, *listen, "openapi.json")


MOCKSERVER, BARE = "mockserver", "bare"
PEERS: Mapping[str, Peer] = {
    MOCKSERVER: Peer(
        "mockserver",
        ours(),
        f"request and response validation, sandboxes, journal on; {PRODUCTS:,} products; no request log",
    ),
    BARE: Peer(
        "bare ASGI",
        _python("tests.bench.bare", "{port}", "answers.json"),
        "constant bytes of one of our responses; uvicorn, uvloop and httptools as here; no checks, no state",
    ),
    "prism": Peer(
        "Prism",
        _prism(),
        "examples; request validation; credentials must be present; no state",
        needs=("node",),
        npm=True,
    ),
    "prism-dynamic": Peer(
        "Prism -d",
        _prism("-d"),
        "responses generated from the schema; otherwise as Prism",
        needs=("node",),
        npm=True,
    ),
    "mockoon": Peer(
        "Mockoon",
        _node("@mockoon/cli/bin/run.js", "start", "-d", "openapi.json", "-l", "127.0.0.1", "-p", "{port}",
              "-X", "--disable-admin-api"),
        "examples; no validation, credentials or state; request log, which cannot be turned off",
        needs=("node",),
        npm=True,
    ),
    "wiremock": Peer(
        "WireMock",
        Command(["java", "-jar", str(WIREMOCK), "--port", "{port}", "--bind-address", "127.0.0.1",
                 "--root-dir", "wiremock", "--no-request-journal", "--disable-banner"]),
        "stubs with matchers for headers, query, credentials and body; no journal, no state; all cores",
        needs=("java",),
        npm=True,
    ),
    "connexion": Peer(
        "Connexion mock",
        _python("connexion", "run", "openapi.json", "--mock=all", "-H", "127.0.0.1", "-p", "{port}",
                BASICINFO_FUNC="tests.bench.connexion_auth.basic",
                BEARERINFO_FUNC="tests.bench.connexion_auth.bearer"),
        "connexion run --mock=all with its defaults: examples, request validation, credentials, access log",
    ),
}  # fmt: skip
