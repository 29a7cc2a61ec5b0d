"""Bare ASGI on the same HTTP server: constant bytes, the limit of what Python can do here.

`python -m tests.bench.bare PORT FILE`; the file holds our own answers, by method and first segment.
"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn


def application(answers: dict[str, dict[str, str]]) -> Any:
    """An ASGI application with one answer for each method and first segment, whatever the rest."""
    ready = {
        tuple(name.split(" ")): (
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", answer["type"].encode()),
                    (b"content-length", str(len(answer["body"].encode())).encode()),
                ],
            },
            {"type": "http.response.body", "body": answer["body"].encode()},
        )
        for name, answer in answers.items()
    }

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            head, body = ready[scope["method"], scope["path"].split("/", 2)[1]]
            await send(head)
            await send(body)

    return answer


def main(port: str, file: str) -> None:
    """The server's settings are those of `mockserver.server.server`, less its own protocol."""
    app = application(json.loads(Path(file).read_text()))
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), http="httptools", ws="none", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, backlog=1024,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
