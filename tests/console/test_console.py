"""The console as a part of the server: which requests get a page, and with which headers."""

import subprocess
import sys
from asyncio import AbstractEventLoop
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import httpx
import pytest

from mockserver.console.backend import Backend
from mockserver.console.console import MAX_THREADS, Console
from mockserver.contract.response import Response
from mockserver.vendor_api.raw_request import RawRequest
from tests.console.html import UI, page
from tests.server.access.quotas.demo_server import running_demo

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Dest": "document"}
SLOW, TIMEOUT = "192.0.2.1", 15
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


@pytest.mark.console(1)
@pytest.mark.parametrize("headers", [BROWSER, {"Accept": "text/html"}])
def test_a_browser_at_the_root_is_led_to_the_console(api: httpx.Client, headers: dict[str, str]) -> None:
    response = api.get("/", headers=headers)
    assert (response.status_code, response.headers["Location"]) == (303, UI + "/")


@pytest.mark.console(1)
@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html", "Sec-Fetch-Dest": "empty"}])
def test_other_clients_at_the_root_get_the_error_in_json(api: httpx.Client, headers: dict[str, str]) -> None:
    response = api.get("/", headers=headers)
    assert (response.status_code, response.json()["error"]) == (404, "no_vendor")


def test_the_ground_of_a_vendor_has_no_pages(api: httpx.Client) -> None:
    response = api.get(UI + "/", headers={"Host": "services.leadconnectorhq.com", **BROWSER})
    assert response.status_code == 404
    assert "Content-Security-Policy" not in response.headers
    assert response.json()["message"] == "Cannot GET /_mock/ui/"  # the vendor's own words


def test_every_page_is_served_with_strict_headers(api: httpx.Client) -> None:
    for path in ("/", "/calls", "/nothing"):
        headers = api.get(UI + path).headers
        assert headers["Content-Security-Policy"] == STRICT
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_under_a_name_that_changes_with_them(api: httpx.Client) -> None:
    start = page(api, "/")
    for tag, name, media_type in (
        ("link[rel=stylesheet]", "href", "text/css"),
        ("script", "src", "text/javascript"),
    ):
        (found,) = start.select(tag)
        response = api.get(str(found[name]))
        assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    digest = str(start.select("script")[0]["src"]).split("/")[-2]
    old = api.get(f"{UI}/static/{digest[::-1]}/console.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-store")
    assert api.get(f"{UI}/static/{digest}/../console.py").status_code == 404


def test_what_is_missing_is_said_on_a_page(api: httpx.Client) -> None:
    assert page(api, "/nothing", 404).h1.text == "There is nothing here"  # type: ignore[union-attr]
    assert "There is no sandbox nobody" in page(api, "/sandboxes/nobody", 404).text


def test_a_form_that_is_too_large_is_refused(api: httpx.Client) -> None:
    response = api.post(UI + "/calls", content=b"x" * 1024 * 1024 + b"y")
    assert (response.status_code, response.headers["X-Mock-Error"]) == (413, "too_large")


ONE_CALL_AND_ONE_PAGE = """
import sys, httpx
from mockserver import app
from mockserver.server.server import serving

def heavy():
    return sorted({name.partition(".")[0] for name in sys.modules} & {"flask", "jinja2", "werkzeug"})

mock = app.build()
mock.warm_up()
with serving(mock.application) as url:
    assert httpx.get(url + "/_mock/ready", timeout=60).status_code == 200
    before = heavy()
    assert httpx.get(url + "/_mock/ui/", timeout=60).status_code == 200
    print(before, heavy())
"""


def test_flask_is_imported_with_the_first_page() -> None:
    done = subprocess.run([sys.executable, "-c", ONE_CALL_AND_ONE_PAGE], capture_output=True, text=True)
    assert done.stdout == "[] ['flask', 'jinja2', 'werkzeug']\n", done.stderr


class HeldPages(Console):
    """Pages that take long for one address: until the test goes on."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.arrived, self.go_on = Semaphore(0), Event()

    async def respond(self, raw: RawRequest) -> Response:
        self.arrived.release()
        return await super().respond(raw)

    def _page(self, raw: RawRequest, loop: AbstractEventLoop) -> Response:
        if raw.peer == SLOW:
            self.go_on.wait(TIMEOUT)
        return super()._page(raw, loop)


def test_slow_pages_of_one_address_leave_room_for_those_of_others() -> None:
    with running_demo() as demo, ThreadPoolExecutor(MAX_THREADS) as pool:
        mock = demo.mock
        pages = HeldPages(Backend(mock.application, mock.contracts, mock.access, mock.guard))
        mock.application.pages = pages

        def read(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return httpx.get(f"{demo.url}{UI}/shared", headers=headers, timeout=TIMEOUT).status_code

        slow = [pool.submit(read, SLOW) for _ in range(MAX_THREADS)]
        assert all(pages.arrived.acquire(timeout=TIMEOUT) for _ in slow)
        try:
            assert read("192.0.2.2") == 410
            assert not any(one.done() for one in slow)
        finally:
            pages.go_on.set()
        assert [one.result() for one in slow] == [410] * MAX_THREADS
