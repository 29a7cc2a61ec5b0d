"""The console of two servers over one store: what one of them lets in or shows, so does the other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Barrier

import httpx
import pytest
from bs4 import BeautifulSoup

from mockserver.server.access.login_attempts import MAX_WRONG
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from tests.conftest import needs
from tests.console.conftest import BROWSER, credential_of, landing, sandbox_of, visit
from tests.console.html import UI, element, page, parsed, submit
from tests.console.two_servers import NAME, TOKEN, Pair, build, sqlite, two_servers
from tests.sandbox.log.redis_server import redis_server

WASHER = "/merchantpro/api/v2/inventory/id/10001"
LOGIN = f"{UI}/login"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with two_servers(sqlite(tmp_path)) as servers:
        yield servers


def log_in(browser: httpx.Client, token: str = TOKEN) -> httpx.Response:
    return submit(browser, element(page(browser, "/login")), token=token)


def log_out(browser: httpx.Client) -> None:
    (form,) = page(browser, "/").select('form[action$="/logout"]')
    assert submit(browser, form).status_code == 303


def test_login_at_one_server_is_one_at_the_other_and_so_is_logout(pair: Pair) -> None:
    one, other = pair.browser()
    assert log_in(one).status_code == 303
    (cookie,) = one.cookies.jar
    assert cookie.name == f"mockserver-{NAME.partition(':')[2]}", "the port that browsers see, not our own"
    assert page(other, "/").h1
    assert other.get("/_mock/sandboxes").status_code == 200
    log_out(other)
    for server in (one, other):
        headers = {"Cookie": f"{cookie.name}={cookie.value}"}
        assert server.get(f"{UI}/", headers=headers).status_code == 303
        assert server.get("/_mock/sandboxes", headers=headers).status_code == 401


def test_session_lasts_over_a_restart_of_all_servers_unless_the_admin_token_is_another_one(
    tmp_path: Path,
) -> None:
    with two_servers(sqlite(tmp_path)) as pair:
        one, _ = pair.browser()
        log_in(one)
        (cookie,) = one.cookies.jar
    for token, status in (("another", 401), (TOKEN, 200)):
        with two_servers(sqlite(tmp_path), admin_token=token) as pair:
            for server in pair.browser(headers={"Cookie": f"{cookie.name}={cookie.value}"}):
                assert server.get("/_mock/sandboxes").status_code == status


def test_change_that_one_server_has_saved_is_undone_by_another(pair: Pair) -> None:
    record = "/sandboxes/demo/data/merchantpro/inventory/10001"
    one, other = pair.browser()
    log_in(one)
    saved = submit(one, element(page(one, record), "form:has([name=stock])"), stock="3")
    shown = parsed(other.get(saved.headers["Location"]).text)
    assert "The API now answers with the new value" in shown.text
    undone = submit(other, element(shown, "[role=status] form"))
    assert "Your change has been undone." in other.get(undone.headers["Location"]).text
    assert one.get("/_mock/sandboxes/demo/records/merchantpro/inventory/10001").json()["stock"] == 10


@contextmanager
def over_sqlite(folder: Path) -> Iterator[Pair]:
    with two_servers(sqlite(folder)) as servers:
        yield servers


@contextmanager
def over_redis(folder: Path) -> Iterator[Pair]:
    with redis_server(folder) as redis, two_servers(redis.url) as servers:
        yield servers


STORES = [over_sqlite, pytest.param(over_redis, marks=needs("redis-server"))]


@pytest.mark.parametrize("over", STORES, ids=["sqlite", "redis"])
def test_link_works_once_over_servers_that_are_asked_at_once(
    over: Callable[[Path], AbstractContextManager[Pair]], tmp_path: Path
) -> None:
    with over(tmp_path) as pair:
        check_links(pair)


def check_links(pair: Pair) -> None:
    one, other = pair.browser()
    log_in(one)
    for _ in range(5):
        (form,) = page(other, "/another-device").select("main form")
        shown = BeautifulSoup(submit(other, form).text, "html.parser")
        code = httpx.URL(element(shown, "#login-link").text).params["once"]
        guests = [server for _ in range(2) for server in pair.browser()]
        assert [page(guest, f"/login?once={code}").form is not None for guest in guests] == [True] * 4
        start = Barrier(len(guests))

        def enter(guest: httpx.Client, start: Barrier = start, code: str = code) -> int:
            start.wait()
            return guest.post(LOGIN, data={"once": code}).status_code

        with ThreadPoolExecutor(len(guests)) as threads:
            assert sorted(threads.map(enter, guests)) == [303, 410, 410, 410]
        assert [page(guest, f"/login?once={code}", 410).h1 for guest in guests]


def test_link_of_the_banner_works_once_at_any_server(tmp_path: Path) -> None:
    first, second = (build(sqlite(tmp_path)) for _ in range(2))
    code = first.application.control_access.sessions.new_code()  # as the banner's, before the server runs
    with serving(first.application) as url, serving(second.application) as other:
        answers = [httpx.post(one + LOGIN, data={"once": code}).status_code for one in (other, url)]
    assert answers == [303, 410]


def test_control_token_of_a_sandbox_that_the_other_server_made_logs_in_until_the_sandbox_ends(
    pair: Pair,
) -> None:
    (one, other), (owner, _) = pair.browser(), pair.operator()
    made = owner.post("/_mock/sandboxes", json={"name": "mine"}).json()
    assert log_in(other, made["control_token"]).status_code == 303
    for server in (one, other):
        assert page(server, "/sandboxes/mine").h1
        assert server.get(f"{UI}/sandboxes/demo").status_code == 404
    document = owner.get("/_mock/sandboxes/mine/export").json()
    assert owner.put("/_mock/sandboxes/mine/import", json=document).status_code == 200
    assert [page(server, "/sandboxes/mine").h1 for server in (other, one)]
    owner.delete("/_mock/sandboxes/mine")
    owner.post("/_mock/sandboxes", json={"name": "mine"})
    assert [server.get("/_mock/sandboxes/mine").status_code for server in (other, one)] == [401, 401]


def test_logout_at_one_server_ends_event_streams_of_the_other(pair: Pair) -> None:
    one, other = pair.browser()
    log_in(one)
    (cookie,) = one.cookies.jar
    headers = {"Cookie": f"{cookie.name}={cookie.value}"}
    with other.stream("GET", "/_mock/events", headers=headers) as stream:
        lines = stream.iter_lines()
        while next(lines) != "event: hello":
            pass
        log_out(one)
        one.get(WASHER, auth=("demo", "demo"))
        assert "event: call" not in [*lines]


def test_share_link_opens_at_the_other_server_until_it_is_revoked(pair: Pair) -> None:
    (owner, guest_owner), guests = pair.operator(), pair.browser()
    owner.post("/_mock/sandboxes", json={"name": "mine"})
    owner.get(WASHER, auth=("sbx_mine", ""))
    (form,) = page(owner, "/calls/mine.1/share").select("main form")
    submit(owner, form)
    links = {element(page(server, "/calls/mine.1/share"), "#share-link").text for server in pair.operator()}
    (link,) = links
    path = httpx.URL(link).raw_path.decode().removeprefix(UI)
    for guest in guests:
        assert "Shared from a mock server" in page(guest, path).text
        assert guest.get("/_mock/sandboxes/mine").status_code == 401
    (form,) = page(guest_owner, "/calls/mine.1/share").select("main form")
    submit(guest_owner, form)
    assert [page(guest, path, 410).h1 for guest in guests]


def test_wrong_tokens_are_counted_at_both_servers_together(pair: Pair) -> None:
    browsers = pair.browser()
    answers = [log_in(browsers[number % 2], "wrong").status_code for number in range(MAX_WRONG + 2)]
    assert answers == [401] * MAX_WRONG + [429, 429]


def test_visitor_of_a_demo_goes_on_at_the_other_server_until_the_sandbox_ends(tmp_path: Path) -> None:
    with two_servers(sqlite(tmp_path), demo=DemoQuotas()) as pair:
        one, other = pair.browser(headers=BROWSER, follow_redirects=True)
        start = visit(one)
        name, credential = sandbox_of(start), credential_of(start)
        assert other.patch(WASHER, auth=(credential, ""), json={"stock": 3}).status_code == 200
        assert sandbox_of(page(other, "/")) == name
        assert f"{name}.1" in str(page(other, "/calls"))
        assert submit(other, landing(other).select_one("form")).url.path == f"{UI}/", "no second sandbox"
        assert pair.operator()[1].get("/_mock/demo").json()["sandboxes"] == 1
        assert pair.operator()[1].delete(f"/_mock/sandboxes/{name}").status_code == 204
        assert [server.get(f"{UI}/").status_code for server in (one, other)] == [410, 410]


def test_live_list_of_calls_reads_on_at_the_other_server_and_after_a_restart(tmp_path: Path) -> None:
    instances = []
    for _ in range(2):
        with two_servers(sqlite(tmp_path)) as pair:
            operators = pair.operator()
            operators[0].get(WASHER, auth=("demo", "demo"))
            instances += [element(page(one, "/calls"), "#rows")["data-instance"] for one in operators]
    assert len({*instances}) == 1, "another one means that the journals begin anew"


def test_first_page_of_each_server_says_that_the_operator_has_paused_the_demo(tmp_path: Path) -> None:
    with two_servers(sqlite(tmp_path), demo=DemoQuotas()) as pair:
        before = [landing(server).text for server in pair.browser(headers=BROWSER)]
        pair.operator()[0].patch("/_mock/demo", json={"paused": True})
        after = [landing(server).text for server in pair.browser(headers=BROWSER)]
    assert before[0] == before[1] != after[0] == after[1]
    assert "when the server restarts" not in before[0], "the store keeps the sandboxes"
