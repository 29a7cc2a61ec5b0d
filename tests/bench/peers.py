"""Who is measured: this server, the limit, and the peers, with how each is started, and quietly."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.equipment import MODULES, WIREMOCK
from tests.bench.operations import PRODUCTS
from tests.bench.process import Command

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Peer:
    """One column of figures. `needs` are programs, and `npm` says that it is a package from there."""

    title: str
    command: Command
    note: str
    needs: tuple[str, ...] = ()
    npm: bool = False


def ours(products: int = PRODUCTS) -> Command:
    """This server by its command line, with every check on."""
    return _python("mockserver", "--port", "{port}", "--products", str(products), "--log-level", "warning")


def _python(*arguments: str, **environment: str) -> Command:
    # Bytecode is written at the first start, whatever the shell says: nobody measures compilers.
    usual = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    return Command([sys.executable, "-m", *arguments], {**usual, **environment})


def _node(script: str, *arguments: str) -> Command:
    return Command(["node", str(MODULES / script), *arguments])


def _prism(*flags: str) -> Command:
    place = ("-h", "127.0.0.1", "-p", "{port}", "-v", "fatal")
    return _node("@stoplight/prism-cli/dist/index.js", "mock", *flags, *place, "openapi.json")


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
        "constant bytes of one of our answers; uvicorn, uvloop, httptools as ours; no checks, no state",
    ),
    "prism": Peer(
        "Prism",
        _prism(),
        "examples; request validation; credentials must be there; no state",
        needs=("node",),
        npm=True,
    ),
    "prism-dynamic": Peer(
        "Prism -d",
        _prism("-d"),
        "answers made up from the schema; else as Prism",
        needs=("node",),
        npm=True,
    ),
    "mockoon": Peer(
        "Mockoon",
        _node("@mockoon/cli/bin/run.js", "start", "-d", "openapi.json", "-l", "127.0.0.1", "-p", "{port}",
              "-X", "--disable-admin-api"),
        "examples; no validation, credentials or state; logs requests, which cannot be switched off",
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
                BASICINFO_FUNC="tests.bench.admission.basic", BEARERINFO_FUNC="tests.bench.admission.bearer"),
        "connexion run --mock=all with its defaults: examples, request validation, credentials, access log",
    ),
}  # fmt: skip
