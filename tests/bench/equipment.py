"""What the benchmark needs beside this project: wrk, Node.js, Java and three packages from npm."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench"
MODULES = FOLDER / "node_modules"
PACKAGES = {"@stoplight/prism-cli": "5.16.0", "@mockoon/cli": "9.9.0", "wiremock": "3.13.2"}
WIREMOCK = MODULES / "wiremock" / "build" / f"wiremock-standalone-{PACKAGES['wiremock']}.jar"
DEBIAN = {"wrk": "wrk", "node": "nodejs", "npm": "npm", "java": "default-jre-headless"}
OWN = ("uvicorn", "uvloop", "httptools", "connexion", "jsonschema-rs", "msgspec")
INSTALL_TIMEOUT = 600


class Missing(Exception):
    """Something is not there and could not be installed; the message says what to do."""


def program(name: str) -> str:
    """The path of a program, which root installs where it is missing. Missing: it is still not there."""
    if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
        _run(["apt-get", "-qq", "update"])
        _run(["apt-get", "-qq", "install", "-y", DEBIAN[name]])
    found = shutil.which(name)
    if not found:
        raise Missing(f"there is no {name}: install {DEBIAN[name]}")
    return found


def packages() -> None:
    """The packages from npm, in a folder that git does not see. Missing: npm could not."""
    program("npm")
    FOLDER.mkdir(exist_ok=True)
    asked = json.dumps({"private": True, "dependencies": PACKAGES})
    stamp = FOLDER / "installed.json"
    if stamp.exists() and stamp.read_text() == asked:
        return
    (FOLDER / "package.json").write_text(asked)
    # No scripts: none of the three needs its own, and one of a dependency's reports home.
    words = _run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], FOLDER
    )
    if words:
        raise Missing(f"npm could not install {', '.join(PACKAGES)}: {words}")
    stamp.write_text(asked)


def _run(arguments: list[str], folder: Path | None = None) -> str:
    """Why a command failed, in its last words; empty if it did not."""
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
    """Of everything that a figure depends on."""
    found = {"python": platform.python_version(), "linux": platform.release()}
    found |= {name: importlib.metadata.version(name) for name in OWN} | PACKAGES
    commands = {
        "mockserver": ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        "wrk": ["wrk", "--version"],
        "node": ["node", "--version"],
        "java": ["java", "-version"],
    }
    return found | {name: _first_line(words) for name, words in commands.items() if shutil.which(words[0])}


def machine() -> dict[str, str | int]:
    """Processor, cores and memory."""
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
