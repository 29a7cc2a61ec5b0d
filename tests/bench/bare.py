"""Bare ASGI on the same HTTP server: sends constant bytes, as fast as a Python server can.

Run as `python -m tests.bench.bare PORT FILE`. The file holds our own responses as JSON, by method and
first path segment, such as `{"GET api": {"type": "application/json", "body": "…"}}`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn


def application(responses: dict[str, dict[str, str]]) -> Any:
    """Return an ASGI application that has one response for each method and first path segment."""
    messages = {
        tuple(name.split(" ")): (
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", response["type"].encode()),
                    (b"content-length", str(len(response["body"].encode())).encode()),
                ],
            },
            {"type": "http.response.body", "body": response["body"].encode()},
        )
        for name, response in responses.items()
    }

    async def respond(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            head, body = messages[scope["method"], scope["path"].split("/", 2)[1]]
            await send(head)
            await send(body)

    return respond


def main(port: str, file: str) -> None:
    """Serve with the settings of `mockserver.server.server`, but with uvicorn's own protocol class."""
    app = application(json.loads(Path(file).read_text()))
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), http="httptools", ws="none", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, backlog=1024,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
