"""The folder, the server and the credentials that all tools use, and how their commands are run."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mockserver import app

CONTROL = "control"
TIMEOUT = 900
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


@dataclass(frozen=True)
class Tools:
    """Where the tools are installed, the URL of a server, and that of one whose rate limits are on."""

    folder: Path
    url: str
    limited_url: str

    @property
    def names(self) -> list[str]:
        """The names of all specs."""
        return [*app.vendor_names(), CONTROL]

    def served(self, name: str) -> Path:
        """Return the file with a spec as the server gives it."""
        return self.folder / f"{name}.json"

    def document_url(self, name: str) -> str:
        path = "openapi.json" if name == CONTROL else f"vendors/{name}/openapi.json"
        return f"{self.url}/_mock/{path}"

    def base_url(self, name: str, *, limited: bool = False) -> str:
        """Return the base URL of a vendor, or of the control API."""
        url = self.limited_url if limited else self.url
        return url if name == CONTROL else f"{url}/{name}"

    def run(
        self, *words: str | Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the installed commands, or another one by its path."""
        program = self.folder / "node_modules" / ".bin" / words[0]
        return subprocess.run(
            [program if program.exists() else words[0], *words[1:]],
            cwd=self.folder, env=os.environ | QUIET | dict(environment or {}), text=True, timeout=TIMEOUT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def credential(name: str) -> dict[str, str]:
    """Return the headers with the credential of the default sandbox."""
    if name == CONTROL:
        return {}
    headers = app.load_contract(name).vendor.auth_headers("demo")
    return {key: value for key, value in headers.items() if key.lower() in ("authorization", "access-token")}


def tail(done: subprocess.CompletedProcess[str], lines: int = 30) -> str:
    """Return the end of a command's output."""
    return "\n".join(done.stdout.splitlines()[-lines:])
