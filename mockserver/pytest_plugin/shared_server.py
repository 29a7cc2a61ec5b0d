"""One server for all the workers of a test run: a process that ends when the one that began it does.

It listens at once, and loads what is heavy when somebody first asks.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

BACKLOG = 1024


class SharedServer:
    """The process, from the side of the one that began it. `settings` are those of `app.build`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        # -P: what lies in the current folder is not ours to import. A session of its own: Ctrl-C is
        # for the tests, which still ask the server while they clean up.
        command = [sys.executable, "-P", "-m", "mockserver.pytest_plugin.shared_server", json.dumps(settings)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self.stop()
            raise ChildProcessError("the server for all workers did not start")

    def stop(self) -> None:
        self._process.communicate()  # its input ends here, and so does it


def main(settings: dict[str, Any]) -> None:
    """Serve until the input ends, as it does when the other process goes, whichever way."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listening:
        print("http://{}:{}".format(*listening.getsockname()), flush=True)
        select.select([listening], [], [])
        from mockserver.server import server

        server.Server(_application(settings)).run([listening])


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _application(settings: dict[str, Any]) -> Any:
    """The mock; where it cannot be built, what tells everybody why."""
    from mockserver import app
    from mockserver.resources import InvalidFile
    from mockserver.server.http.asgi import Connection
    from mockserver.server.http.errors import MockError
    from mockserver.server.http.response_writer import send_response

    try:
        return app.build(**settings).application
    except (app.UnknownVendor, InvalidFile, ValueError) as error:
        response = MockError(503, "cannot_serve", str(error)).response()

    async def refuse(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send_response(response, Connection(scope, receive, send))

    return refuse


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
