"""The tools that the benchmark needs besides this project: wrk, Node.js, Java and npm packages."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.bench import interpreter

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench"
MODULES = FOLDER / "node_modules"
NPM_PACKAGES = {"@stoplight/prism-cli": "5.16.0", "@mockoon/cli": "9.9.0", "wiremock": "3.13.2"}
WIREMOCK = MODULES / "wiremock" / "build" / f"wiremock-standalone-{NPM_PACKAGES['wiremock']}.jar"
DEBIAN_PACKAGES = {"wrk": "wrk", "node": "nodejs", "npm": "npm", "java": "default-jre-headless"}
PYTHON_PACKAGES = ("uvicorn", "uvloop", "httptools", "connexion", "jsonschema-rs", "msgspec")
INSTALL_TIMEOUT = 600


class ToolMissing(Exception):
    """Raised if a tool is missing and cannot be installed; the message says what to do."""


def ensure_program(name: str) -> str:
    """Return the path of a program. If it is missing, install it first, as root on Debian.

    Raise ToolMissing if the program is still missing.
    """
    if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
        _run(["apt-get", "-qq", "update"])
        _run(["apt-get", "-qq", "install", "-y", DEBIAN_PACKAGES[name]])
    found = shutil.which(name)
    if not found:
        raise ToolMissing(f"{name} is missing; install {DEBIAN_PACKAGES[name]}")
    return found


def ensure_npm_packages() -> None:
    """Install the npm packages in a folder that git ignores. Raise ToolMissing if npm fails."""
    ensure_program("npm")
    FOLDER.mkdir(exist_ok=True)
    manifest = json.dumps({"private": True, "dependencies": NPM_PACKAGES})
    stamp = FOLDER / "installed.json"
    if stamp.exists() and stamp.read_text() == manifest:
        return
    (FOLDER / "package.json").write_text(manifest)
    # No install scripts: none of the three packages needs its own, and one dependency's script sends
    # usage data.
    error = _run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], FOLDER
    )
    if error:
        raise ToolMissing(f"npm could not install {', '.join(NPM_PACKAGES)}: {error}")
    stamp.write_text(manifest)


def _run(arguments: list[str], folder: Path | None = None) -> str:
    """Run a command. If it fails, return the last line of its output, else an empty string."""
    try:
        done = subprocess.run(
            arguments, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else ""


def versions() -> dict[str, str]:
    """Return the versions of all software that the figures depend on, by name."""
    found = {"python": interpreter.described(), "linux": platform.release()}
    found |= {name: importlib.metadata.version(name) for name in PYTHON_PACKAGES} | NPM_PACKAGES
    commands = {
        "mockserver": ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        "wrk": ["wrk", "--version"],
        "node": ["node", "--version"],
        "java": ["java", "-version"],
    }
    return found | {
        name: _first_line(command) for name, command in commands.items() if shutil.which(command[0])
    }


def machine() -> dict[str, str | int]:
    """Return the processor, the number of cores and the memory of this machine."""
    models = _values("/proc/cpuinfo", "model name")
    kilobytes = int(_values("/proc/meminfo", "MemTotal")[0].split()[0])
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(kilobytes / 2**20),
    }


def _values(file: str, name: str) -> list[str]:
    lines: Iterable[str] = Path(file).read_text().splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]


def _first_line(arguments: list[str]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().partition("\n")[0].partition(" Copyright")[0]
