"""Pages of the console, read with Beautiful Soup."""

from urllib.parse import urlencode

import httpx
from bs4 import BeautifulSoup, Tag

UI = "/_mock/ui"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def page(client: httpx.Client, path: str, status: int = 200, **options: object) -> BeautifulSoup:
    """Return the page at a path below /_mock/ui. Fail if its status is another one."""
    response = client.get(UI + path, **options)  # type: ignore[arg-type]
    assert response.status_code == status, response.text
    return parsed(response.text)


def parsed(html: str) -> BeautifulSoup:
    """Return a page from its HTML, with words that may break in one piece."""
    found = BeautifulSoup(html, "html.parser")
    for chance in found("wbr"):
        chance.decompose()
    found.smooth()
    return found


def element(found: Tag, selector: str = "main form") -> Tag:
    """Return the first element that a selector finds in a page. Fail if there is none."""
    first = found.select_one(selector)
    assert first is not None, selector
    return first


def submit(client: httpx.Client, form: Tag, **values: str) -> httpx.Response:
    """Send a form as a browser without scripts does. `values` replace those in the form."""
    fields = [
        (str(one["name"]), str(one.get("value", one.text if one.name == "textarea" else "")))
        for one in form.select("input[name], textarea[name], button[name]")
        if one.get("type") not in ("checkbox", "radio") or one.has_attr("checked")
    ]
    for one in form.select("select[name]"):
        chosen = one.select_one("option[selected]") or one.select_one("option")
        fields.append((str(one["name"]), str(chosen["value"]) if chosen else ""))
    fields = [pair for pair in fields if pair[0] not in values] + [*values.items()]
    method, action = str(form.get("method", "get")).upper(), str(form.get("action", ""))
    if method == "GET":
        return client.get(action, params=fields)
    return client.post(action, content=urlencode(fields), headers=FORM)
