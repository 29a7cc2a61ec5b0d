"""Press a copy button, and see what it says for a moment."""

from collections.abc import Callable

from playwright.sync_api import Locator

RECORD = """button => {
  button.texts = [];
  const record = () => button.texts.push(button.textContent);
  new MutationObserver(record).observe(button, {childList: true, characterData: true, subtree: true});
}"""


def assert_says(button: Locator, label: str, press: Callable[[], object]) -> None:
    """Assert that `press` makes the button say `label`, for however short a time."""
    handle = button.element_handle()
    handle.evaluate(RECORD)
    press()
    button.page.wait_for_function("([button, label]) => button.texts.includes(label)", arg=[handle, label])
