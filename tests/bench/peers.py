"""Who is measured: this server, the limit, and the peers, with how each is started, and quietly."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.equipment import MODULES, WIREMOCK
from tests.bench.operations import PRODUCTS
from tests.bench.process import Command

ROOT = Path(__file__).parents[2]
CHECK = "tests.bench.admission"


@dataclass(frozen=True)
class Peer:
    """One row of figures. `needs` are programs, and `npm` says that it is a package from there."""

    title: str
    command: Command
    note: str
    needs: tuple[str, ...] = ()
    npm: bool = False


def ours(products: int = PRODUCTS) -> Command:
    """This server by its command line, with every check on."""
    return Command(
        [sys.executable, "-m", "mockserver", "--port", "{port}", "--products", str(products),
         "--log-level", "warning"],
        {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


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
        Command([sys.executable, "-m", "tests.bench.bare", "{port}", "answers.json"], {"PYTHONPATH": str(ROOT)}),
        "constant bytes of one of our answers; uvicorn, uvloop, httptools as ours; no checks, no state",
    ),
    "prism": Peer(
        "Prism", _prism(), "examples; request validation; credentials must be there; no state", ("node",), True
    ),
    "prism-dynamic": Peer(
        "Prism -d", _prism("-d"), "answers made up from the schema; else as Prism", ("node",), True
    ),
    "mockoon": Peer(
        "Mockoon",
        _node("@mockoon/cli/bin/run.js", "start", "-d", "openapi.json", "-l", "127.0.0.1", "-p", "{port}",
              "-X", "--disable-admin-api"),
        "examples; no validation, no credentials, no state; logs requests, which cannot be switched off",
        ("node",), True,
    ),
    "wiremock": Peer(
        "WireMock",
        Command(["java", "-jar", str(WIREMOCK), "--port", "{port}", "--bind-address", "127.0.0.1",
                 "--root-dir", "wiremock", "--no-request-journal", "--disable-banner"]),
        "stubs with matchers for headers, query, credentials and body; no journal; all cores",
        ("java",), True,
    ),
    "connexion": Peer(
        "Connexion mock",
        Command([str(Path(sys.executable).with_name("connexion")), "run", "openapi.json", "--mock=all",
                 "-H", "127.0.0.1", "-p", "{port}"],
                {"PYTHONPATH": str(ROOT), "BASICINFO_FUNC": f"{CHECK}.basic", "BEARERINFO_FUNC": f"{CHECK}.bearer"}),
        "connexion run --mock=all, its defaults: examples, request validation, credentials, access log",
    ),
}  # fmt: skip
