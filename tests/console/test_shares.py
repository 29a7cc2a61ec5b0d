"""Share links: one call for whoever has the link, and nothing else."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver import app
from mockserver.console.pages.one_call.shares import without_secrets
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI, page, submit

TOKEN = "s3cret"
WASHER = "/api/v2/inventory/id/10001"


@dataclass
class Site:
    """A server with an admin token, its operator's browser, and one of somebody who has not logged in."""

    mock: app.Mock
    owner: httpx.Client
    guest: httpx.Client
    credential: str

    def call(self, **options: object) -> str:
        """Call a vendor in the sandbox `mine`, and return the id of the call."""
        self.guest.patch(WASHER, auth=(self.credential, ""), json=options)
        found = self.owner.get("/_mock/requests", params={"sandbox": "mine", "limit": 1, "order": "newest"})
        return str(found.json()["requests"][0]["id"])

    def share(self, call: str) -> str:
        """Share a call, and return the path of its link below /_mock/ui."""
        (form,) = page(self.owner, f"/calls/{call}/share").select("main form")
        assert submit(self.owner, form).status_code == 303
        link = page(self.owner, f"/calls/{call}/share").select_one("#share-link")
        assert link
        url = httpx.URL(link.text)
        assert (url.scheme, url.netloc) == ("http", self.owner.base_url.netloc)
        return url.raw_path.decode().removeprefix(UI)

    def revoke(self, call: str) -> None:
        (form,) = page(self.owner, f"/calls/{call}/share").select("main form")
        assert submit(self.owner, form).status_code == 303


@pytest.fixture
def site() -> Iterator[Site]:
    mock = app.build(names=["merchantpro"], admin_token=TOKEN)
    with ExitStack() as stack:
        url = stack.enter_context(serving(mock.application))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        owner = stack.enter_context(
            httpx.Client(base_url=url, headers=headers, verify=NO_CERTIFICATES, timeout=TIMEOUT)
        )
        guest = stack.enter_context(httpx.Client(base_url=url, verify=NO_CERTIFICATES))
        made = owner.post("/_mock/sandboxes", json={"name": "mine", "credential": "issued"}).json()
        yield Site(mock, owner, guest, made["credential"])


@pytest.mark.console(52)
@pytest.mark.parametrize(("stock", "shown"), [(3, "It changed one record."), ("many", "check failed")])
def test_link_shows_one_call_read_only_without_a_login(site: Site, stock: object, shown: str) -> None:
    call = site.call(stock=stock)
    link = site.share(call)
    found = page(site.guest, link)
    text = found.get_text()
    assert WASHER in text and shown in text and f'"stock": {json.dumps(stock)}' in text
    assert not found.select("form, button:not([data-copy]), nav, a:not(.skip)"), "nothing here leads anywhere"
    assert site.credential not in str(found)
    assert "set-cookie" not in site.guest.get(UI + link).headers


@pytest.mark.console(52)
def test_link_opens_nothing_else(site: Site) -> None:
    link = site.share(site.call(stock=3))
    page(site.guest, link)
    for path, status in ((f"{UI}/calls", 303), ("/_mock/requests", 401), ("/_mock/requests/mine.1", 401)):
        assert site.guest.get(path).status_code == status
    token = link.partition("token=")[2]
    assert site.guest.post(f"{UI}/login", data={"once": token}).status_code == 410
    assert site.guest.get("/_mock/requests", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    for method in ("POST", "DELETE"):
        assert site.guest.request(method, UI + link).status_code in (401, 405)


@pytest.mark.console(52)
def test_revoked_link_is_gone_and_a_new_one_is_another(site: Site) -> None:
    call, other = site.call(stock=3), site.call(stock=4)
    link, kept = site.share(call), site.share(other)
    site.revoke(call)
    assert "no longer works" in page(site.guest, link, 410).h1.text  # type: ignore[union-attr]
    assert page(site.guest, "/shared?token=guess", 410).text == page(site.guest, link, 410).text
    page(site.guest, kept)
    assert site.share(call) != link
    page(site.guest, link, 410)


@pytest.mark.console(52)
def test_link_ends_with_the_sandbox_and_with_the_call(site: Site) -> None:
    call, other = site.call(stock=3), site.call(stock=4)
    link, kept = site.share(call), site.share(other)
    site.owner.delete("/_mock/requests", params={"sandbox": "mine"})
    text = page(site.guest, link, 410).text
    assert "no longer in the journal" in text and "mine" not in text
    site.owner.delete("/_mock/sandboxes/mine")
    site.owner.post("/_mock/sandboxes", json={"name": "mine"})
    page(site.guest, kept, 410)


def test_visitor_of_one_sandbox_shares_its_calls_alone(site: Site) -> None:
    site.guest.get(WASHER, auth=("demo", ""))
    sandbox = site.mock.sandboxes.get("mine")
    session = site.mock.application.control_access.sessions.begin(sandbox)
    site.guest.cookies.set(f"mockserver-{site.guest.base_url.port}", session)
    call = site.call(stock=3)
    page(site.guest, f"/calls/{call}/share")
    page(site.guest, "/calls/demo.1/share", 404)
    assert site.guest.post(f"{UI}/calls/demo.1/share").status_code == 404
    assert site.guest.post(f"{UI}/calls/{call}/share/revoke").status_code == 303


def test_call_of_no_sandbox_cannot_be_shared(site: Site) -> None:
    site.guest.get(WASHER, auth=("wrong", ""))
    soup = page(site.owner, "/calls/-.1/share")
    assert not soup.select("main form") and "cannot be shared" in soup.text
    assert site.owner.post(f"{UI}/calls/-.1/share").status_code == 409


def test_whoever_is_not_logged_in_shares_nothing(site: Site) -> None:
    call = site.call(stock=3)
    assert site.guest.get(f"{UI}/calls/{call}/share").status_code == 303
    assert site.guest.post(f"{UI}/calls/{call}/share").status_code == 401


def test_token_of_a_link_is_struck_out_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    link = site.share(site.call(stock=3))
    with caplog.at_level("INFO", "mockserver"):
        page(site.guest, link)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "mockserver"]
    assert "/_mock/ui/shared?token=*** " in line


def test_page_behind_a_link_is_not_for_search_engines(site: Site) -> None:
    found: BeautifulSoup = page(site.guest, site.share(site.call(stock=3)))
    assert found.select_one('meta[name="robots"][content*="noindex"]')
    assert not re.search(r'href="/_mock/(?!ui/static)', str(found))


def test_change_that_would_tell_a_credential_is_struck_out() -> None:
    edits = [
        {"place": "header", "action": "set", "name": "Authorization", "value": "Bearer sbx_secret"},
        {"place": "header", "action": "set", "name": "Version", "value": "2021-07-28"},
        {"place": "body", "action": "set", "name": "stock", "value": 1},
    ]
    texts = ["send Authorization: Bearer sbx_secret", "send Version: 2021-07-28", "leave x out"]
    shown = without_secrets({"edits": edits, "smallest_change": texts, "why": []})
    assert [edit["value"] for edit in shown["edits"]] == ["Bearer ***", "2021-07-28", 1]
    assert shown["smallest_change"] == ["send Authorization: Bearer ***", *texts[1:]]
    assert without_secrets({"edits": None, "smallest_change": []})["edits"] is None
