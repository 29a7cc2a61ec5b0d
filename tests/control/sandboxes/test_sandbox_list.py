"""The list of sandboxes, in pages."""

from typing import Any

import httpx

from mockserver import app
from mockserver.server.server import serving


def test_sandboxes_are_sorted_by_name(api: httpx.Client, sandbox: str) -> None:
    api.post("/_mock/sandboxes", json={"name": sandbox})
    names = sandbox_names(api, limit=1000)
    assert sandbox in names
    assert names == sorted(names)


def sandbox_names(api: httpx.Client, **query: Any) -> list[str]:
    """Return the names of all sandboxes, read page by page."""
    names: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        after = {"after": page["next"]} if page["next"] else {}
        page = api.get("/_mock/sandboxes", params=query | after).json()
        names += [sandbox["name"] for sandbox in page["sandboxes"]]
    return names


def test_sandboxes_are_listed_in_pages() -> None:
    mock = app.build(names=["sabi"], log=None)
    expected = sorted(["demo", *(f"s{n}" for n in range(120))])
    for name in expected[1:]:
        mock.sandboxes.create(name)
    with serving(mock.application) as url, httpx.Client(base_url=url) as api:
        first = api.get("/_mock/sandboxes").json()
        assert (len(first["sandboxes"]), first["total"], first["next"]) == (100, 121, expected[99])
        for limit in (1, 11, 60, 120, 121, 122, 1000):
            assert sandbox_names(api, limit=limit) == expected, limit
        after = api.get("/_mock/sandboxes", params={"after": "s98"}).json()
        assert [sandbox["name"] for sandbox in after["sandboxes"]] == ["s99"]
        last = api.get("/_mock/sandboxes", params={"after": "zz"}).json()
        assert last == {"sandboxes": [], "total": 121, "next": None}
        for query in ({"limit": 0}, {"limit": 1001}, {"after": ""}, {"offset": 1}):
            assert api.get("/_mock/sandboxes", params=query).status_code == 400, query


def test_sandboxes_are_found_by_a_part_of_their_name() -> None:
    mock = app.build(names=["sabi"], log=None)
    for name in ("Spring-1", "spring-2", "summer"):
        mock.sandboxes.create(name)
    with serving(mock.application) as url, httpx.Client(base_url=url) as api:

        def found(**query: str) -> tuple[list[str], int, str | None]:
            page = api.get("/_mock/sandboxes", params=query).json()
            return [sandbox["name"] for sandbox in page["sandboxes"]], page["total"], page["next"]

        assert found(q="SPRING") == (["Spring-1", "spring-2"], 2, None)
        assert found(q="spring", limit="1") == (["Spring-1"], 2, "Spring-1")
        assert found(q="spring", after="Spring-1") == (["spring-2"], 2, None)
        assert found(q="autumn") == ([], 0, None)
        own = api.post("/_mock/sandboxes", json={"name": "own"}).json()
        api.headers["Authorization"] = f"Bearer {own['control_token']}"
        assert (found(q="ow"), found(q="spring")) == ((["own"], 1, None), ([], 0, None))
