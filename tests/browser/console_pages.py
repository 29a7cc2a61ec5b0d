"""The addresses of all pages of the console, for rules that hold on every page."""

from dataclasses import dataclass
from functools import cache

from mockserver import app
from mockserver.console.application import application
from mockserver.console.backend import ROOT, Backend
from mockserver.embedding.running_server import RunningServer
from tests.browser.shop import SANDBOX, SNAPSHOT

# By endpoint: the addresses below /_mock/ui. In braces stands what differs between servers, see `Names`.
PAGES: dict[str, tuple[str, ...]] = {
    "about.show": ("/about",),
    "agreement.show": (
        "/sandboxes/{sandbox}/agreement",
        "/sandboxes/{sandbox}/agreement?differing=1",
        "/sandboxes/{sandbox}/agreement?q=nothing-like-this",
    ),
    "call.show": (
        "/calls/{refused}",
        "/calls/{changing}",
        "/calls/{stray}",
        "/calls/{faulty}",
        "/calls/{missing}?status=4xx",
        "/calls/demo.999",
    ),
    "calls.ask_to_clear": ("/calls/clear", "/calls/clear?sandbox={sandbox}"),
    "calls.show": (
        "/calls",
        "/calls?status=4xx",
        "/calls?q=nothing-like-this",
        "/calls?sandbox={sandbox}&vendor=merchantpro&changed=1",
        "/calls?sandbox=nobody",
        "/calls?before=p0",
    ),
    "compare.show": ("/compare?left={refused}&right={changing}", "/compare"),
    "dialect.show": ("/sandboxes/{sandbox}/dialect",),
    "docs.list": ("/docs",),
    "docs.operation": ("/docs/highlevel/get-list-inventory", "/docs/merchantpro/update-inventory"),
    "docs.vendor": ("/docs/shoplazza", "/docs/sabi"),
    "clock.show": ("/sandboxes/{sandbox}/clock",),
    "data.collection": (
        "/sandboxes/{sandbox}/data/merchantpro/inventory",
        "/sandboxes/{sandbox}/data/shoplazza/products?q=nothing-like-this",
    ),
    "data.new_product": ("/sandboxes/{sandbox}/data/new-product",),
    "data.record": (
        "/sandboxes/{sandbox}/data/merchantpro/inventory/10001",
        "/sandboxes/{sandbox}/data/narvar/items/9999?as=json",
        "/sandboxes/{sandbox}/data/sabi/products/1001?ask=delete",
    ),
    "data.show": ("/sandboxes/{sandbox}/data", "/sandboxes/{sandbox}/data?q=jacket"),
    "faults.as_json": ("/sandboxes/{sandbox}/faults/json",),
    "faults.clear": ("/sandboxes/{sandbox}/faults/clear",),
    "faults.edit": ("/sandboxes/{sandbox}/faults/1",),
    "faults.new": ("/sandboxes/{sandbox}/faults/new?fault=response", "/sandboxes/{sandbox}/faults/new"),
    "faults.show": ("/sandboxes/{sandbox}/faults",),
    "limits.show": ("/sandboxes/{sandbox}/limits",),
    "sandboxes.delete": ("/sandboxes/{sandbox}/delete",),
    "sandboxes.fork": ("/sandboxes/{sandbox}/fork",),
    "sandboxes.import_document": ("/import",),
    "sandboxes.list": ("/sandboxes", "/sandboxes?q=nothing-like-this"),
    "sandboxes.new": ("/new-sandbox",),
    "sandboxes.reset": ("/sandboxes/{sandbox}/reset",),
    "sandboxes.show": ("/sandboxes/{sandbox}", "/sandboxes/nobody"),
    "shares.show": ("/calls/{refused}/share",),
    "snapshots.delete": ("/sandboxes/{sandbox}/snapshots/{snapshot}/delete",),
    "snapshots.diff": (
        "/sandboxes/{sandbox}/diff?from={snapshot}",
        "/sandboxes/{sandbox}/diff",
        "/sandboxes/{sandbox}/diff?from={snapshot}&to={snapshot}",
    ),
    "snapshots.list": ("/sandboxes/{sandbox}/snapshots",),
    "snapshots.replace": ("/sandboxes/{sandbox}/snapshots/{snapshot}/replace",),
    "snapshots.restore": ("/sandboxes/{sandbox}/snapshots/{snapshot}/restore",),
    "start.show": ("/", "/?sandbox={sandbox}"),
}
# Those of a server with an admin token, before the login and after it.
LOCKED_PAGES: dict[str, tuple[str, ...]] = {
    "login.show": ("/login", "/login?once=used", "/calls"),
    "shares.shared": ("/shared?token=revoked",),
}
LOGGED_IN_PAGES: dict[str, tuple[str, ...]] = {
    "login.another_device": ("/another-device",),
}
# Endpoints that answer a GET with something else than a page: a file, a part of a page, a redirect.
NO_PAGES = {"calls.rows", "start.now", "root", "static_file"}
ADDRESSES = [address for addresses in PAGES.values() for address in addresses]
# All pages in all states, as (fixture of a server, address).
PLACES = [
    (state, address)
    for state, pages in (
        ("filled", PAGES), ("empty", PAGES), ("locked", LOCKED_PAGES), ("logged_in", LOGGED_IN_PAGES),
    )
    for addresses in pages.values()
    for address in addresses
]  # fmt: skip


@dataclass(frozen=True)
class Names:
    """Names that the addresses of a server's pages are made of."""

    sandbox: str = "demo"
    refused: str = "demo.1"  # the id of a call
    changing: str = "demo.2"
    snapshot: str = "none"
    stray: str = "-.1"
    faulty: str = "demo.3"
    missing: str = "demo.4"

    @classmethod
    @cache
    def of(cls, server: RunningServer) -> "Names":
        """Return the names of what is on a server that nobody changes, or those of nothing if it is empty."""
        calls = list(server.client.requests.latest(500))
        if not calls:
            return cls()
        refused = next(call.id for call in reversed(calls) if call.status in (400, 422) and call.operation)
        latest = {
            "changing": [call.id for call in calls if call.changes],
            "stray": [call.id for call in calls if call.sandbox == "-"],
            "faulty": [call.id for call in calls if call.fault],
            "missing": [call.id for call in calls if call.status == 404 and call.operation],
        }
        names = {name: found[-1] for name, found in latest.items() if found}
        return cls(SANDBOX, refused, snapshot=SNAPSHOT, **names)

    def url(self, address: str) -> str:
        """Return the path of a page."""
        return ROOT + address.format_map(vars(self))


def listed_endpoints() -> set[str]:
    """Return the endpoints of the pages above."""
    return PAGES.keys() | LOCKED_PAGES.keys() | LOGGED_IN_PAGES.keys()


def page_endpoints() -> set[str]:
    """Return the endpoints of all pages that the console's application has."""
    mock = app.build()
    rules = application(Backend(mock.application, mock.contracts, mock.access)).url_map.iter_rules()
    return {rule.endpoint for rule in rules if "GET" in (rule.methods or ())} - NO_PAGES
