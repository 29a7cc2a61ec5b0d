"""HighLevel's official SDK for Node, unmodified: it writes stock, reads it back, and refreshes its tokens."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.tools.command import Tools, tail

SCRIPT = Path(__file__).parent / "sdk.cjs"


def failures(tools: Tools) -> Iterator[str]:
    """Yield what the SDK reports, in each dialect."""
    shutil.copy(SCRIPT, tools.folder)
    for dialect in ("documented", "observed"):
        command = [sys.executable, "-m", "mockserver", "exec", "--fail-on-remarks", "--only-vendors", "--"]
        done = tools.run(*command, "node", SCRIPT.name, dialect)
        if done.returncode:
            yield f"{dialect}: {tail(done)}"
