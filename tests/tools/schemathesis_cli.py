"""Schemathesis from its command line, as a user runs it: `st run` with the hook of this package."""

import sys
from collections.abc import Iterator
from pathlib import Path

from mockserver import app
from mockserver.server.server import serving
from tests.tools.command import CONTROL, Tools, tail

SEEDS = ("1", "2", "3")
WAITING = ("--exclude-path", "/_mock/requests/wait", "--exclude-path", "/_mock/events")
HOOKS = {"SCHEMATHESIS_HOOKS": "mockserver.embedding.schemathesis_hooks"}
OPTIONS = {  # the credential, as docs/tools.md shows it
    "highlevel": ("-H", "Authorization: Bearer demo"),
    "sabi": ("-H", "Authorization: Bearer demo"),
    "shoplazza": ("-H", "access-token: demo"),
    "merchantpro": ("-a", "demo:demo"),
    "narvar": ("-a", "demo:demo"),
}
TOKEN = "t" * 32


def failures(tools: Tools) -> Iterator[str]:
    """Yield the end of each report that has failures. Last comes a server with a token that is not sent."""
    for name in tools.names:
        options = WAITING if name == CONTROL else OPTIONS[name]
        for seed in SEEDS:
            yield from run(tools, f"{name}, seed {seed}", tools.document_url(name), "--seed", seed, *options)
    with serving(app.build(admin_token=TOKEN).application) as url:
        what = f"{CONTROL}, without the token"
        yield from run(tools, what, tools.served(CONTROL), "--url", url, "--seed", SEEDS[0], *WAITING)


def run(tools: Tools, what: str, *words: str | Path) -> Iterator[str]:
    """Run `st`, and say on what. Yield the end of its report, if it has failures."""
    print(f"  {what}", flush=True)
    done = tools.run(Path(sys.executable).parent / "st", "run", *words, environment=HOOKS)
    if done.returncode:
        yield f"{what}: {tail(done, 100)}"
