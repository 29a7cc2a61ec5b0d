"""Run other people's tools on the specs and on a server, and exit with 1 if one of them finds anything.

Spectral and Redocly judge the specs, as files and as served. Schemathesis tests a server from its command
line with three seeds. Prism stands as a proxy between the exchanges of the fixtures and the server. Dredd
sends the examples. Clients are generated and compiled, and a vendor's own SDK calls it. The versions are in
package.json, beside this file.
"""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from mockserver import app
from mockserver.server.server import serving
from tests.conftest import ROOT
from tests.tools import clients, command, dredd, linters, prism, schemathesis_cli, sdk

HERE, WORK = Path(__file__).parent, ROOT / ".conform"
STEPS: dict[str, Callable[[command.Tools], Iterator[str]]] = {
    "Schemathesis": schemathesis_cli.failures,
    "linters": linters.failures,
    "Prism": prism.failures,
    "Dredd": dredd.failures,
    "clients": clients.failures,
    "SDK": sdk.failures,
}


def main(wanted: list[str]) -> int:
    """Run the wanted steps, or all of them. Return the exit code."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # the tools send what is no HTTP, on purpose
    installed = install()
    found = 0
    with serving(app.build().application) as url, serving(app.build(limits=True).application) as limited:
        tools = command.Tools(WORK, url, limited)
        fetch_documents(tools)
        for name, failures in STEPS.items():
            if wanted and name not in wanted:
                continue
            if name != "Schemathesis" and not installed:
                print(f"{name}: skipped, because npm could not install it", flush=True)
                continue
            found += report(name, failures(tools))
    return 1 if found else 0


def report(name: str, messages: Iterator[str]) -> int:
    """Print the step's name, and each message as soon as it is there. Return their number."""
    print(f"{name} ...", flush=True)
    found = 0
    for message in messages:
        found += 1
        print(f"  {message}", flush=True)
    print(f"{name}: {f'{found} found' if found else 'nothing found'}", flush=True)
    return found


def install() -> bool:
    """Install the tools below WORK. Return False if npm is missing, or cannot install them."""
    WORK.mkdir(exist_ok=True)
    shutil.copy(HERE / "package.json", WORK)
    if not shutil.which("npm"):
        return False
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    done = subprocess.run(["npm", "install", "--silent", *options], cwd=WORK, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def fetch_documents(tools: command.Tools) -> None:
    """Write the served specs into the folder of the tools."""
    for name in tools.names:
        response = httpx.get(tools.document_url(name)).raise_for_status()
        tools.served(name).write_text(json.dumps(response.json()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
