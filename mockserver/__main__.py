"""The entry point of `python -m mockserver` and of the command `mockserver`."""

import io
import signal
import sys
from typing import Any


class LenientStderr(io.FileIO):
    """Standard error that drops what it cannot write, because a message must not change an exit code."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:  # the reader has gone, or the disk is full
            return len(data)


def run() -> None:
    """Run the command line. The imports are in the `try`, so that Ctrl-C during them shows no traceback."""
    if sys.stderr:
        raw = io.BufferedWriter(LenientStderr(sys.stderr.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, sys.stderr.encoding, "backslashreplace", line_buffering=True)
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
