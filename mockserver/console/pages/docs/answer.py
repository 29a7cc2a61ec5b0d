"""Answers of vendors to the requests that a page sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.console.control_client import ControlClient, Refused, path_of
from mockserver.console.pages.docs.sample_request import SampleRequest

MAX_BODY = 64 * 1024  # bytes that a page shows
MAX_SENT = 4 * 1024  # characters of the request's body that a page shows


@dataclass(frozen=True)
class VendorAnswer:
    """The answer to a request. `wanted` is the status that it was sent for, or None for any.

    `call` is the control API's JSON of its journal entry, or None if the visitor may not read it.
    """

    request: SampleRequest
    url: str
    status: int
    headers: list[tuple[str, str]]
    body: str
    cut: bool
    call: Mapping[str, Any] | None
    wanted: int | None

    @property
    def surprising(self) -> bool:
        return self.wanted is not None and self.status != self.wanted

    @property
    def sent_body(self) -> str:
        """The body of the request as the page shows it: a long one is cut, and spaces alone are named."""
        body = self.request.body
        if body.isspace():
            return "(only spaces)"
        return body if len(body) <= MAX_SENT else f"{body[:MAX_SENT]}…"


def send(
    control: ControlClient, vendor: str, request: SampleRequest, wanted: int | None = None
) -> VendorAnswer:
    """Send a request to a vendor through this process, and return the answer."""
    response, entry = control.respond(request.raw(vendor, control.raw))
    call = None if entry is None else _call(control, f"{entry.sandbox}.{entry.serial}")
    body = response.body[:MAX_BODY].decode("utf-8", "replace")
    cut, headers = len(response.body) > MAX_BODY, list(response.headers)
    return VendorAnswer(request, request.path_on(vendor), response.status, headers, body, cut, call, wanted)


def call_after(control: ControlClient, position: str, vendor: str, request: SampleRequest) -> Any:
    """Return the first call with this request that came after a position, or None if there is none."""
    path = request.target.partition("?")[0]
    found = control.get("/requests", after=position, vendor=vendor, method=request.method, path=path)
    same = [one["id"] for one in found["requests"] if one["target"] == request.target]
    return _call(control, same[-1]) if same else None


def _call(control: ControlClient, name: str) -> Any:
    try:
        return control.get(path_of("requests", name))
    except Refused:  # the journal of another sandbox, or of none
        return None
