"""One server for all workers of a test run: a child process that ends when its parent ends.

The child listens at once, and imports the heavy modules when the first client connects.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BACKLOG = 1024


class SharedServer:
    """The parent's handle to the child process. `settings` are the arguments of `mockserver.serve`.

    Raise ChildProcessError if the child does not start.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        # With -P, the child imports no modules from the current folder. The child has its own session,
        # so that Ctrl-C does not stop it: the tests still call the server while they clean up.
        module = "mockserver.embedding.pytest_plugin.shared_server"
        command = [sys.executable, "-P", "-m", module, json.dumps(settings)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self.stop()
            raise ChildProcessError("the server shared by the workers did not start: see its error above")

    def stop(self) -> None:
        """Stop the process, and wait until it has ended."""
        self._process.communicate()  # closes its stdin, which makes it exit


def main(settings: dict[str, Any]) -> None:
    """Serve until stdin is closed. It is closed when the parent ends, even if the parent is killed."""
    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listening:
        print("http://{}:{}".format(*listening.getsockname()), flush=True)
        select.select([listening], [], [])
        from mockserver.server import server

        server.Server(_application(settings)).run([listening])


def _exit_with_stdin() -> None:
    # Read the file descriptor, not sys.stdin. A thread that reads sys.stdin holds the lock of its
    # buffer, and the interpreter cannot exit while that lock is held.
    while os.read(0, 4096):
        pass
    os._exit(0)


def _application(settings: dict[str, Any]) -> Any:
    """Return the mock. If it cannot be built, return an application that answers 503 with the reason."""
    from mockserver import app
    from mockserver.data.resources import InvalidFile
    from mockserver.server.http.asgi import Connection
    from mockserver.server.http.errors import MockError
    from mockserver.server.http.response_writer import send_response

    try:
        folder = settings.pop("vendors_from", None)
        names = settings.pop("vendors", ())
        vendors_from = Path(folder) if folder else None
        return app.build(names=names, vendors_from=vendors_from, **settings).application
    except (app.UnknownVendor, InvalidFile, ValueError) as error:
        response = MockError(503, "cannot_serve", str(error)).response()

    async def refuse(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send_response(response, Connection(scope, receive, send))

    return refuse


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
