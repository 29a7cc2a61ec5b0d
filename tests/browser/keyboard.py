"""Moves through a page by keyboard alone, and checks at every stop that the focus is seen."""

from typing import Any

from playwright.sync_api import Locator, Page

MAX_STOPS = 1500
# The HTML of the element with focus, or null, and whether it is seen: itself or, if it cannot be seen (a
# radio button under its label), the label.
FOCUSED = """() => {
    const focused = document.activeElement, marked = [focused, focused.closest("label")].filter(element =>
        element && getComputedStyle(element).outlineStyle !== "none"
        && parseFloat(getComputedStyle(element).outlineWidth) > 0);
    const inside = element => { const box = element.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
            && box.right > 0 && box.left < innerWidth };
    return [focused === document.body ? null : focused.outerHTML.slice(0, 300),
        focused === document.body || marked.some(inside)];
}"""
STOPS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(element =>
    !element.disabled && element.checkVisibility({visibilityProperty: true}) && element.type !== "hidden"
    && !(element.type === "radio" && !element.checked)).length"""


def press(page: Page, key: str) -> Any:
    """Press a key. Return the HTML of the element with the focus, or None. Fail if the focus is not seen."""
    page.keyboard.press(key)
    focused, seen = page.evaluate(FOCUSED)
    assert seen, f"the focus is not seen: {focused}"
    return focused


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until an element has the focus. Fail if it never gets it."""
    for _ in range(MAX_STOPS):
        press(page, "Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


def stops(page: Page) -> list[str]:
    """Press Tab from the start of a page to its end; return the HTML of each element on the way.

    A field for a date has several stops, of which one is returned.
    """
    while page.evaluate(FOCUSED)[0]:  # an element that has had the focus from the beginning
        press(page, "Tab")
    found: list[str] = []
    while focused := press(page, "Tab"):
        if found[-1:] != [focused]:
            found.append(focused)
        assert len(found) < MAX_STOPS, f"the focus is caught: {found[-2:]}"
    return found
