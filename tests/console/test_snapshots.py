"""Snapshots in the console: take, compare, restore and delete them."""

import httpx
import pytest
from bs4 import BeautifulSoup, Tag

from tests.console.html import page, submit


@pytest.fixture
def shop(api: httpx.Client, sandbox: str) -> str:
    """Return the path of the pages of a new sandbox."""
    api.post("/_mock/sandboxes", json={"name": sandbox, "products": 10}).raise_for_status()
    return f"/sandboxes/{sandbox}"


@pytest.fixture
def washer(api: httpx.Client, sandbox: str, shop: str) -> str:
    """Return the path of a record in the control API."""
    return f"/_mock/sandboxes/{sandbox}/records/merchantpro/inventory/10001"


def take(api: httpx.Client, shop: str, name: str) -> httpx.Response:
    form = page(api, shop + "/snapshots").select_one("form[aria-labelledby=take]")
    assert form
    form["action"] = f"/_mock/ui{shop}/snapshots"
    return submit(api, form, name=name)


def names(api: httpx.Client, sandbox: str) -> list[str]:
    found: list[str] = api.get(f"/_mock/sandboxes/{sandbox}/snapshots").json()["snapshots"]
    return found


def follow(api: httpx.Client, response: httpx.Response) -> BeautifulSoup:
    assert response.status_code == 303
    return page(api, response.headers["Location"].removeprefix("/_mock/ui"))


def asked(api: httpx.Client, shown: BeautifulSoup, text: str) -> Tag:
    """Follow a link of a page to the form that asks first, and return it."""
    (link,) = (link for link in shown.select("a[data-dialog]") if link.text == text)
    form = page(api, str(link["href"]).removeprefix("/_mock/ui")).select_one("form[data-dialog-body]")
    assert form
    return form


def changes(shown: BeautifulSoup) -> dict[str, tuple[str, str]]:
    rows = (row.select("th, td") for row in shown.select(".differences tbody tr"))
    return {name.text: (before.text, after.text) for name, before, after in rows}


@pytest.mark.console(26)
@pytest.mark.console(37)
def test_snapshot_change_diff_and_restore(
    api: httpx.Client, client: httpx.Client, shop: str, sandbox: str, washer: str
) -> None:
    taken = follow(api, take(api, shop, "before"))
    assert "The snapshot has been taken." in taken.text and names(api, sandbox) == ["before"]
    client.patch("/api/v2/inventory/id/10001", json={"stock": 3}, auth=("demo", "")).raise_for_status()
    shown = page(api, shop + "/snapshots")
    row = shown.select_one("#snapshot-before")
    assert row and "1 record has changed" in row.text
    diff = page(api, str(row.select_one("td a")["href"]).removeprefix("/_mock/ui"))  # type: ignore[index]
    assert "MerchantPro inventory 10001" in diff.text
    assert changes(diff) == {"stock": ("10", "3")}
    form = asked(api, shown, "Restore before")
    assert "You lose" in form.text and "1 record" in form.text
    assert api.get(washer).json()["stock"] == 3, "asking changes nothing"
    done = follow(api, submit(api, form))
    assert "The snapshot has been restored." in done.text
    assert api.get(washer).json()["stock"] == 10
    assert "Nothing has changed" in page(api, shop + "/diff?from=before").text


def test_added_and_deleted_records_and_settings(api: httpx.Client, shop: str, sandbox: str) -> None:
    control = f"/_mock/sandboxes/{sandbox}"
    api.delete(f"{control}/records/sabi/products/1001").raise_for_status()
    new = {"shopdomain": "new", "active": True}
    api.post(f"{control}/records/shoplazza/shops", json=new).raise_for_status()
    api.put(f"{control}/faults", json=[503]).raise_for_status()
    shown = page(api, shop + "/diff")
    cards = [card for card in shown.select(".card") if card.h2]
    badges = {card.h2.text.strip(): card.select_one(".badge").text for card in cards}  # type: ignore[union-attr]
    assert badges == {
        "Settings": "changed",
        "Sabi Trace products 1001": "\N{MINUS SIGN} deleted",
        "Shoplazza shops new": "+ added",
    }
    assert changes(shown) == {"faults": ("[]", '[{"fault":{"type":"status","status":503}}]')}
    assert "Organic Apple" in shown.text


@pytest.mark.parametrize("change", ["edited", "deleted", "added"])
def test_record_is_put_back_to_the_beginning(
    api: httpx.Client, shop: str, sandbox: str, washer: str, change: str
) -> None:
    before = api.get(washer).json()
    match change:
        case "edited":
            api.patch(washer, json={"stock": 3}).raise_for_status()
        case "deleted":
            api.delete(washer).raise_for_status()
        case "added":
            added = {**before, "id": 777, "sku": "new", "ean": None}
            api.post(washer.removesuffix("/10001"), json=added).raise_for_status()
    form = page(api, shop + "/diff").select_one("#changes form")
    assert form
    form["action"] = f"/_mock/ui{shop}/diff"
    done = follow(api, submit(api, form))
    assert (
        "The record is back to its values at the beginning." in done.text
        and "Nothing has changed" in done.text
    )
    assert api.get(washer).json() == before


def test_record_whose_sku_another_one_has_is_not_put_back(api: httpx.Client, shop: str, washer: str) -> None:
    sku = api.get(washer).json()["sku"]
    api.patch(washer, json={"sku": "other"}).raise_for_status()
    api.patch(washer.replace("10001", "10003"), json={"sku": sku}).raise_for_status()
    form = page(api, shop + "/diff").select_one("#merchantpro-inventory-10001 form")
    assert form
    form["action"] = f"/_mock/ui{shop}/diff"
    refused = submit(api, form)
    assert refused.status_code == 409
    assert (
        "The record was not put back: merchantpro/inventory: another record already has this sku"
        in refused.text
    )
    assert api.get(washer).json()["sku"] == "other"


def test_long_values_do_not_make_a_long_page(api: httpx.Client, shop: str, sandbox: str) -> None:
    records = f"/_mock/sandboxes/{sandbox}/records/sabi/products"
    long = "long " * 100_000
    apple = api.patch(f"{records}/1001", json={"description": long}).raise_for_status().json()
    api.post(records, json={**apple, "productId": "new"}).raise_for_status()
    shown = api.get(f"/_mock/ui{shop}/diff")
    assert len(shown.text) < 50_000 and "It is too long to show here" in shown.text


def test_two_snapshots_are_compared(api: httpx.Client, shop: str, sandbox: str, washer: str) -> None:
    for stock in (1, 2):
        api.patch(washer, json={"stock": stock}).raise_for_status()
        take(api, shop, f"s{stock}")
    shown = page(api, shop + "/diff?from=s1&to=s2")
    assert changes(shown) == {"stock": ("1", "2")}
    assert not shown.select("#changes form"), "only what is now can be put back"
    assert not shown.select("#changes[data-live]")
    chosen = [one.text for one in shown.select("option[selected]")]
    assert chosen == ["s1", "s2"]
    assert "The two snapshots are the same." in page(api, shop + "/diff?from=s1&to=s1").text
    assert "has no snapshot s3" in page(api, shop + "/diff?from=s3", 404).text


def test_diff_has_pages(api: httpx.Client, shop: str, sandbox: str) -> None:
    records = f"/_mock/sandboxes/{sandbox}/records/shoplazza/shops"
    for number in range(26):
        api.post(records, json={"shopdomain": f"s{number}", "active": True}).raise_for_status()
    first = page(api, shop + "/diff")
    assert len(first.select("#changes .card")) == 25 and "1 to 25 of 26 records" in first.text
    following = first.select_one("a[rel=next]")
    assert following
    second = page(api, str(following["href"]).removeprefix("/_mock/ui"))
    assert len(second.select("#changes .card")) == 1 and "26 to 26 of 26 records" in second.text


@pytest.mark.console(28)
def test_delete_asks_first(api: httpx.Client, shop: str, sandbox: str) -> None:
    take(api, shop, "before")
    form = asked(api, page(api, shop + "/snapshots"), "Delete before")
    assert "The snapshot is lost" in form.text and names(api, sandbox) == ["before"]
    assert form.select_one("a[data-cancel]")
    assert "The snapshot has been deleted." in follow(api, submit(api, form)).text
    assert names(api, sandbox) == []


def test_snapshot_is_replaced_only_after_a_question(
    api: httpx.Client, shop: str, sandbox: str, washer: str
) -> None:
    take(api, shop, "before")
    api.patch(washer, json={"stock": 3}).raise_for_status()
    question = follow(api, take(api, shop, "before"))
    assert "There is already a snapshot of this name" in question.text and "1 record differs" in question.text
    assert "1 record has changed" in page(api, shop + "/snapshots").select_one("#snapshot-before").text  # type: ignore[union-attr]
    form = question.select_one("form[data-dialog-body]")
    assert form
    follow(api, submit(api, form))
    assert "no record has changed" in page(api, shop + "/snapshots").select_one("#snapshot-before").text  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["a b", "---", "ä", "x" * 65, "a/b"])
def test_wrong_name_is_said_at_the_field_and_kept(
    api: httpx.Client, shop: str, sandbox: str, name: str
) -> None:
    refused = take(api, shop, name)
    assert refused.status_code == 400
    shown = BeautifulSoup(refused.text, "html.parser")
    field = shown.select_one("#name")
    assert field and field["value"] == name and field["aria-invalid"] == "true"
    assert shown.select_one(f"#{field['aria-describedby']}").text.startswith("This cannot be a name. ")  # type: ignore[union-attr]
    assert names(api, sandbox) == []


def test_too_many_snapshots(api: httpx.Client, shop: str, sandbox: str) -> None:
    for number in range(100):
        api.put(f"/_mock/sandboxes/{sandbox}/snapshots/s{number}").raise_for_status()
    refused = take(api, shop, "more")
    assert refused.status_code == 503 and "at most 100 snapshots" in refused.text


def test_question_about_a_snapshot_that_is_gone(api: httpx.Client, shop: str) -> None:
    for action in ("restore", "delete", "replace"):
        assert "has no snapshot gone" in page(api, f"{shop}/snapshots/gone/{action}", 404).text
    assert api.post(f"/_mock/ui{shop}/snapshots/gone/restore").status_code == 404


def test_no_snapshots_yet(api: httpx.Client, shop: str) -> None:
    assert "You have taken no snapshots yet" in page(api, shop + "/snapshots").text
    assert "When a client changes a record, it appears here at once." in page(api, shop + "/diff").text
