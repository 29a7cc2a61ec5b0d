"""The console by keyboard alone."""

import pytest

from mockserver.embedding.running_server import RunningServer
from tests.browser.conftest import NewPage
from tests.browser.console_pages import PAGES, Names
from tests.browser.keyboard import STOPS, stops


@pytest.fixture
def server(filled: RunningServer) -> RunningServer:
    return filled


@pytest.mark.console(31)
@pytest.mark.parametrize("address", [addresses[0] for addresses in PAGES.values()])
def test_tab_stops_at_everything_and_is_caught_nowhere(
    look: NewPage, server: RunningServer, address: str
) -> None:
    page = look()
    page.goto(Names.of(server).url(address))
    found = stops(page)
    assert "skip" in found[0]
    assert len(found) == page.evaluate(STOPS)
