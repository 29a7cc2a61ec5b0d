"""The interpreter for all measurements: Debian's, if there is one, because it is built with PGO.

Profile-guided optimization makes Python 1.1 to 1.4 times as fast. Many self-built interpreters lack it,
and figures with and without it must not be compared.
"""

import os
import platform
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEBIANS = Path(f"/usr/bin/python3.{sys.version_info.minor}")  # can load the packages of this interpreter


def use_debians(module: str) -> None:
    """Restart a module in Debian's interpreter of the same minor version, if there is one."""
    if is_debians() or not (Path("/etc/debian_version").exists() and DEBIANS.exists()):
        return
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_path('purelib')}"}
    os.execve(DEBIANS, [str(DEBIANS), "-m", module, *sys.argv[1:]], environment)


def is_debians() -> bool:
    return Path(sys.executable) == DEBIANS and Path("/etc/debian_version").exists()


def has_pgo() -> bool:
    """Return True if this interpreter is Debian's, or says that it was built with PGO."""
    return is_debians() or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def described() -> str:
    """Return the version of this interpreter and how it was built."""
    debians = "Debian's, " if is_debians() else ""
    return f"{platform.python_version()} ({debians}built {'with' if has_pgo() else 'without'} PGO)"
