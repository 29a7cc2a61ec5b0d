"""The choice of colors in a browser."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NewPage


@pytest.mark.console(37)
@pytest.mark.parametrize("scripts", [True, False])
def test_chosen_theme_wins_over_that_of_the_browser(new_page: NewPage, scripts: bool) -> None:
    page: Page = new_page(java_script_enabled=scripts, color_scheme="light")
    page.goto("/_mock/ui/about")
    light = page.screenshot()
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("button", name="Dark", pressed=True).wait_for()
    assert page.url.endswith("/_mock/ui/about")
    assert page.screenshot() != light
    page.goto("/_mock/ui/docs")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="Auto").click()
    page.get_by_role("button", name="Auto", pressed=True).wait_for()
    assert page.locator("html").get_attribute("data-theme") is None
