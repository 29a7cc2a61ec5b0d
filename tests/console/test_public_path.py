"""The console behind a proxy that removes the path of --public-url: every link has it."""

import httpx
from bs4 import BeautifulSoup

from mockserver import app
from mockserver.console.static_files import FOLDER
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT
from tests.console.html import UI

PUBLIC = "/inventory"
MAX_PAGES = 60
HEADERS = {"Host": "mock.example", "Authorization": "Bearer s3cret"}


def test_every_link_of_every_page_has_the_path_of_the_public_url() -> None:
    mock = app.build(admin_token="s3cret", public_url=f"https://mock.example{PUBLIC}")
    with (
        serving(mock.application) as url,
        httpx.Client(base_url=url, headers=HEADERS, verify=NO_CERTIFICATES, timeout=TIMEOUT) as browser,
    ):
        browser.patch("/api/v2/inventory/id/10001", json={"stock": 3}, auth=("demo", ""))
        waiting, seen = [f"{UI}/"], set()
        while waiting and len(seen) < MAX_PAGES:
            path = waiting.pop(0)
            seen.add(path)
            found = BeautifulSoup(browser.get(path).text, "html.parser")
            for element in found.select("[href], [src], [action]"):
                link = str(element.get("href") or element.get("src") or element.get("action") or "")
                assert not link.startswith("/") or link.startswith(f"{PUBLIC}/_mock/"), f"{link} on {path}"
                within = link.removeprefix(PUBLIC)
                leads_on = element.name == "a" and within.startswith(UI) and "?" not in within
                if leads_on and within not in seen and within not in waiting:
                    waiting.append(within)
    assert len(seen) > 20


def test_scripts_find_the_control_api_by_their_own_address() -> None:
    for script in FOLDER.glob("*.js"):
        assert '"/_mock' not in script.read_text(), script.name
