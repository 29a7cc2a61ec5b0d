"""`python -m mockserver`, and the command `mockserver`."""

import sys


def run() -> None:
    """The command line. What it needs is imported here, so that Ctrl-C ends that quietly too."""
    try:
        from mockserver.cli import main

        main(prog_name="mockserver")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
