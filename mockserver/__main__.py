"""The entry point of `python -m mockserver` and of the command `mockserver`."""

import signal
import sys
from typing import Any


def run() -> None:
    """Run the command line. The imports are in the `try`, so that Ctrl-C during them shows no traceback."""
    # In a container, this may be process 1. The kernel delivers a signal to process 1 only if the process
    # has a handler for it.
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        from mockserver.cli import main

        main(prog_name="mockserver")
    except KeyboardInterrupt:
        sys.exit(130)


def _exit_on_signal(number: int, frame: Any) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    run()
