"""Spectral and Redocly, with their recommended rules, on the specs as files and as served."""

import json
from collections.abc import Iterator
from pathlib import Path

from mockserver.data.resources import spec_file
from tests.tools.command import Tools, tail

RULESET = Path(__file__).parent / ".spectral.yaml"


def failures(tools: Tools) -> Iterator[str]:
    """Yield what the linters find."""
    files = [spec_file(name) for name in tools.names] + [tools.served(name) for name in tools.names]
    done = tools.run("spectral", "lint", "--fail-severity", "hint", "--ruleset", RULESET, *files)
    if done.returncode:
        yield f"Spectral: {tail(done)}"
    for file in files:
        done = tools.run("redocly", "lint", "--extends", "recommended", "--format", "json", file)
        report, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])
        if done.returncode or any(report["totals"].values()):
            yield f"Redocly: {file.name}: {report['problems']}"
