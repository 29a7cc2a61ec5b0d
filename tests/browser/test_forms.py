"""Forms that a browser sends without a script."""

import pytest
from playwright.sync_api import Page

SEND_FORM = """() => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: "/_mock/ui/about"});
    document.body.append(form);
    form.submit();
}"""


@pytest.mark.console(37)
def test_form_of_a_page_comes_from_the_own_origin(page: Page) -> None:
    """A policy of `no-referrer` would make it `null`, which the own-origin rule refuses with 403."""
    page.goto("/_mock/ui/about")
    with page.expect_navigation() as sent:
        page.evaluate(SEND_FORM)
    assert sent.value.request.header_value("origin") == page.evaluate("origin")
    assert sent.value.status == 405  # the page has no form of its own
