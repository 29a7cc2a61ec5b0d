"""The pages' client of the control API. Its calls run through the pipeline of this process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from mockserver.contract.response import Response
from mockserver.sandbox.journal.entry import KeptEntry
from mockserver.server.access.forwarding import forwarding_header
from mockserver.server.pipeline.local_call import respond
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.vendor_api.json_text import decode, encode
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

SECONDS_TO_WAIT = 60.0
# What the admission of a call may depend on. All other headers are about the page, not about the call. The
# own-origin rule has been applied to the page: a link anywhere may lead to it, but not to an operation.
KEPT_HEADERS = ("host", "cookie", "authorization")
HEADERS_OF_REFUSALS = ("X-Mock-Error", "Retry-After")


class Refused(Exception):
    """Raised if the control API refuses a call. `error` is for programs, the message for people.

    `headers` are those of the refusal that the page has too.
    """

    def __init__(
        self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class ControlClient:
    """Calls the control API as the visitor of a page: `raw` is the visitor's request."""

    pipeline: Pipeline
    loop: asyncio.AbstractEventLoop
    raw: RawRequest

    def get(self, path: str, /, **query: Any) -> Any:
        """Return the JSON of a GET. Query parameters that are None or empty are left out. Raise Refused."""
        return self.call("GET", path, query)

    def post(self, path: str, body: Any = None, /, **query: Any) -> Any:
        return self.call("POST", path, query, body)

    def put(self, path: str, body: Any = None, /) -> Any:
        return self.call("PUT", path, {}, body)

    def patch(self, path: str, body: Any = None, /) -> Any:
        return self.call("PATCH", path, {}, body)

    def delete(self, path: str, /, **query: Any) -> Any:
        return self.call("DELETE", path, query)

    def call(self, method: str, path: str, query: Mapping[str, Any], body: Any = None) -> Any:
        """Return the JSON of a call below /_mock, or None if it has no body. Raise Refused.

        `path` has been quoted; `path_of` does that.
        """
        headers = Headers()
        for name, value in self.raw.headers.items():
            if name in KEPT_HEADERS or forwarding_header({name: value}):
                headers[name] = value
        sent = b""
        if body is not None:
            headers["content-type"] = "application/json"
            sent = encode(body)
        headers.size = sum(map(len, headers)) + sum(map(len, headers.values()))
        raw = replace(
            self.raw, method=method, path="/_mock" + path, query=query_of(query), headers=headers, body=sent
        )
        response = self.respond(raw)[0]
        if response.stream is not None:
            raise TypeError(f"{method} {path} is a stream: link to it")
        answer: Any = decode(response.body) if response.body else None
        if response.status >= 400:
            kept = {name: value for name, value in response.headers if name in HEADERS_OF_REFUSALS}
            raise Refused(response.status, str(answer["error"]), str(answer["message"]), kept)
        return answer

    def respond(self, raw: RawRequest) -> tuple[Response, KeptEntry | None]:
        """Answer a request on the event loop. Return the response, and its journal entry if it has one."""
        answering = asyncio.run_coroutine_threadsafe(respond(self.pipeline, raw), self.loop)
        return answering.result(SECONDS_TO_WAIT)


def path_of(*segments: str) -> str:
    """Return a path of these segments, quoted: `("sandboxes", "a b")` gives `/sandboxes/a%20b`."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def query_of(query: Mapping[str, Any]) -> str:
    """Return a query string. Values that are None or empty are left out, booleans are `true` or `false`."""
    pairs = [
        (name, str(one).lower() if isinstance(one, bool) else str(one))
        for name, value in query.items()
        if value is not None and value != ""
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
    return urlencode(pairs)
