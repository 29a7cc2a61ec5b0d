"""The interpreter that is measured: Debian's where there is one, because it is built with PGO.

Profile-guided optimization makes Python 1.1 to 1.4 times as fast. Many interpreters that people build
themselves lack it, and figures of the two kinds must not be compared.
"""

import os
import platform
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEBIANS = Path(f"/usr/bin/python3.{sys.version_info.minor}")  # it can load what is installed for this one


def use_debians(module: str) -> None:
    """Run a module again by Debian's interpreter of the same minor version, if there is one."""
    if is_debians() or not (Path("/etc/debian_version").exists() and DEBIANS.exists()):
        return
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_path('purelib')}"}
    os.execve(DEBIANS, [str(DEBIANS), "-m", module, *sys.argv[1:]], environment)


def is_debians() -> bool:
    return Path(sys.executable) == DEBIANS and Path("/etc/debian_version").exists()


def has_pgo() -> bool:
    """Return True if this interpreter was built with PGO, as far as it tells; Debian's always is."""
    return is_debians() or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def described() -> str:
    """Return the version of this interpreter and how it was built."""
    debians = "Debian's, " if is_debians() else ""
    return f"{platform.python_version()} ({debians}built {'with' if has_pgo() else 'without'} PGO)"
