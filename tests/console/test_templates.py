"""No template has a script, a style or a handler in it, and none lets text through unescaped."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mockserver import console

FOLDER = Path(console.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
SCRIPTS = sorted((FOLDER / "static").glob("*.js"))
MAX_SCRIPT_LINES, MAX_SCRIPT_BYTES = 150, 40_000
STATEMENT = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)
EXPRESSION = re.compile(r"{{(.*?)}}", re.DOTALL)
UNESCAPED = re.compile(r"\|\s*safe\b|autoescape\s+false|\bMarkup\b")
# What turns text into markup or code. Only fragment.js may do the first, and nothing the second.
SINKS = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTMLUnsafe|eval|Function)\b"
)
ADDRESSES = {"action", "formaction", "href", "src"}


class Inline(HTMLParser):
    """Collects all scripts, styles and handlers in a text of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._within = tag if tag in ("script", "style") else ""
        if tag in ("style", "base", "iframe", "object", "embed"):
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            if (
                name == "style"
                or name.startswith("on")
                or (
                    name in ADDRESSES
                    and re.match(r"\s*(javascript|data|https?):", value or "", re.IGNORECASE)
                )
            ):
                self.found.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        if self._within == "script" and data.strip():
            self.found.append(f"<script>{data.strip()}")

    def handle_endtag(self, _: str) -> None:
        self._within = ""


def inline(template: str) -> Iterator[str]:
    """Yield all that is inline in a template, and each expression that is not escaped."""
    yield from (text.strip() for text in EXPRESSION.findall(template) if UNESCAPED.search(text))
    yield from (text for text in STATEMENT.findall(template) if UNESCAPED.search(text))
    parser = Inline()
    parser.feed(EXPRESSION.sub("x", STATEMENT.sub("", template)))
    yield from parser.found


@pytest.mark.console(39)
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_template_has_nothing_inline(path: Path) -> None:
    assert list(inline(path.read_text())) == []


@pytest.mark.console(39)
@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<script>go()</script>", "<script>go()"),
        ("<script>{{ text }}</script>", "<script>x"),
        ("<style>a {}</style>", "<style>"),
        ("<p style='color: red'>", "style=color: red"),
        ("<p {% if red %}style='color: red'{% endif %}>", "style=color: red"),
        ("<p ONCLICK=go()>", "onclick=go()"),
        ("<a href=' javascript:go()'>", "href= javascript:go()"),
        ("<img src='https://elsewhere.example/'>", "src=https://elsewhere.example/"),
        ("{{ text | safe }}", "text | safe"),
        ("{% autoescape false %}{{ text }}{% endautoescape %}", "{% autoescape false %}"),
    ],
)
def test_what_is_inline_is_found(template: str, found: str) -> None:
    assert list(inline(template)) == [found]


def test_what_is_not_inline_is_allowed() -> None:
    text = "<script type=module src={{ url }}></script><a href='{{ url }}'>{{ text | shown }}</a>"
    assert list(inline(text)) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_turns_no_text_into_markup(path: Path) -> None:
    text = path.read_text()
    sinks = set(SINKS.findall(text))
    assert sinks == ({"innerHTML"} if path.name == "fragment.js" else set())
    assert len(text.splitlines()) <= MAX_SCRIPT_LINES


def test_scripts_are_small() -> None:
    assert 0 < sum(path.stat().st_size for path in SCRIPTS) < MAX_SCRIPT_BYTES
