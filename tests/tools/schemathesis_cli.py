"""Schemathesis from its command line, as a user runs it: `st run` with the hook of this package."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.tools.command import CONTROL, Tools, credential, tail

SEEDS = ("1", "2", "3")
WAITING = ("--exclude-path", "/_mock/requests/wait", "--exclude-path", "/_mock/events")
HOOKS = {"SCHEMATHESIS_HOOKS": "mockserver.schemathesis_hooks"}


def failures(tools: Tools) -> Iterator[str]:
    """Yield the end of each report that has failures."""
    program = Path(sys.executable).parent / "st"
    for name in tools.names:
        options = [word for header in credential(name).items() for word in ("-H", ": ".join(header))]
        options += WAITING if name == CONTROL else ()
        for seed in SEEDS:
            url = tools.document_url(name)
            done = tools.run(program, "run", url, "--seed", seed, *options, environment=HOOKS)
            if done.returncode:
                yield f"{name}, seed {seed}: {tail(done, 100)}"
