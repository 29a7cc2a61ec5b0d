"""Sample requests: what a page can send to a vendor."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

# What `fetch` neither lets a page send nor sends unchanged: https://fetch.spec.whatwg.org/#forbidden-request-header
FORBIDDEN = re.compile(
    "accept-charset|accept-encoding|access-control-request-.*|connection|content-length|cookie2?|date|dnt|expect"
    "|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent|via|proxy-.*|sec-.*",
    re.IGNORECASE,
)
USER_AGENT = "mockserver console"


@dataclass(frozen=True)
class SampleRequest:
    """A request to a vendor. `target` is path and query, as the vendor has them."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def has_host(self) -> bool:
        """True if a Host header selects the vendor."""
        return any(name.lower() == "host" for name in self.headers)

    @property
    def fits_a_browser(self) -> bool:
        """True if a script of a page can send the request as it is."""
        return not any(FORBIDDEN.fullmatch(name) for name in self.headers)

    def with_headers(self, headers: Mapping[str, str]) -> "SampleRequest":
        """Return the request with other values of some headers. Their names are matched without case."""
        changed = {name.lower() for name in headers}
        rest = {name: value for name, value in self.headers.items() if name.lower() not in changed}
        return replace(self, headers={**rest, **headers})

    def without_header(self, name: str) -> "SampleRequest":
        rest = {one: value for one, value in self.headers.items() if one.lower() != name.lower()}
        return replace(self, headers=rest)

    def with_query(self, query: str) -> "SampleRequest":
        path = self.target.partition("?")[0]
        return replace(self, target=f"{path}?{query}")

    def path_on(self, vendor: str) -> str:
        """Return path and query on this server. The prefix selects the vendor, if no Host header does."""
        return self.target if self.has_host else f"/{vendor}{self.target}"

    def raw(self, vendor: str, visitor: RawRequest) -> RawRequest:
        """Return the request as if the visitor of a page had sent it, but without any of her cookies."""
        headers = {
            "host": visitor.headers.get("host", "localhost"),
            "user-agent": USER_AGENT,
            "accept": "*/*",
        }
        headers |= {name.lower(): value for name, value in self.headers.items()}
        body = self.body.encode()
        if body:
            headers |= {"content-length": str(len(body))}
        path, _, query = self.path_on(vendor).partition("?")
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        return structs.replace(
            visitor, method=self.method, path=path, query=query, headers=Headers(lines), body=body
        )
