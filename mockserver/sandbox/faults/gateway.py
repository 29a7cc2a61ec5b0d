"""Fault `gateway`: an error page of the gateway in front of the vendor, which is not JSON.

No vendor documents these pages. They are what nginx and Cloudflare send for a server that does not answer.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from mockserver.sandbox.faults.fault import Exchange, Fault, LetVendorAnswer

TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}


class Gateway(Fault, frozen=True, tag="gateway"):
    """Answers with a gateway's own page; the call does not reach the vendor."""

    summary: ClassVar[str] = (
        "An error page of the gateway in front of the vendor, instead of JSON: that of `nginx` in HTML,"
        " or that of `cloudflare` in plain text. `status` is 502, 503 or 504. The call is not carried out."
    )
    status: Annotated[int, Meta(ge=502, le=504)] = 502
    server: Literal["nginx", "cloudflare"] = "nginx"

    async def apply(self, exchange: Exchange, answer: LetVendorAnswer) -> None:
        title = TITLES[self.status]
        kind, page = (
            "text/html",
            (
                f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
                "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
            ),
        )
        if self.server == "cloudflare":
            kind, page = "text/plain; charset=UTF-8", f"error code: {self.status}"
        headers = {"Server": self.server, "Content-Type": kind}
        exchange.answer_with(self.status, headers, page.encode())
