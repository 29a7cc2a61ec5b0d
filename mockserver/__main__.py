"""`python -m mockserver`, and the command `mockserver`."""

import signal
import sys
from typing import Any


def run() -> None:
    """The command line. What it needs is imported here, so that Ctrl-C ends that quietly too."""
    # As process 1, in a container, only a signal that somebody handles is heard at all.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        from mockserver.cli import main

        main(prog_name="mockserver")
    except KeyboardInterrupt:
        sys.exit(130)


def _terminate(number: int, frame: Any) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    run()
