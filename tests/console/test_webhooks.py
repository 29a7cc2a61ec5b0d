"""Webhooks in the console: on the page of their sandbox, and as calls."""

import re
from pathlib import Path

import httpx
import pytest

from mockserver.client import Client, Sandbox
from tests.console.html import UI, element, page
from tests.console.two_servers import TOKEN, sqlite, two_servers
from tests.receiver import Receiver

PRICE = "6241712be68f7a98102ba272"


def notify(sandbox: Sandbox, receiver: Receiver) -> str:
    """Make a change of which the receiver is notified, and return the id of the call."""
    sandbox.webhooks.create("highlevel", f"{receiver.url}?token=hidden", ["PriceUpdate"])
    sandbox.records("highlevel", "inventory").patch(PRICE, availableQuantity=3)
    (call,) = sandbox.webhooks.wait_for()
    return call.id


def test_page_of_a_sandbox_without_webhooks_says_nothing_of_them(
    api: httpx.Client, mock_sandbox: Sandbox
) -> None:
    assert page(api, f"/sandboxes/{mock_sandbox.name}").select("#webhooks") == []


def test_page_of_a_sandbox_lists_webhooks_and_deliveries(
    api: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    call = notify(mock_sandbox, receiver)
    shown = page(api, f"/sandboxes/{mock_sandbox.name}")
    card = element(shown, "#webhooks-card")
    text = card.get_text(" ", strip=True)
    assert f"w1 HighLevel notifies {receiver.url}?token=*** of PriceUpdate" in text
    assert re.search(r"d[\d-]+ to w1 PriceUpdate delivered 200", text)  # with a log, ids have a time
    assert element(card, "td a")["href"] == f"{UI}/calls/{call}"


def test_only_the_server_that_made_a_call_lists_it_and_each_says_so(
    tmp_path: Path, receiver: Receiver
) -> None:
    with two_servers(sqlite(tmp_path), names=["highlevel"]) as pair:
        operator = Client(pair.urls[0], token=TOKEN)
        notify(operator.create("app"), receiver)
        cards = [element(page(one, "/sandboxes/app"), "#webhooks-card") for one in pair.operator()]
    assert sum(bool(card.select("tbody tr")) for card in cards) == 1
    for card in cards:
        assert "This server lists only its own of the deliveries that have ended" in card.text
        assert "No call has been made yet" not in card.text
        assert [a["href"] for a in card.select(".card-body a")] == [f"{UI}/calls?sandbox=app"]


def test_waiting_and_deleted_are_shown(api: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.statuses.append(429)
    mock_sandbox.clock.freeze("2026-01-02T03:04:05Z")
    notify(mock_sandbox, receiver)
    path = f"/sandboxes/{mock_sandbox.name}"
    text = element(page(api, path), "#webhooks-card").get_text(" ", strip=True)
    assert "waiting next 2 Jan 2026, 03:14:05" in text
    mock_sandbox.webhooks.delete("w1")
    text = element(page(api, path), "#webhooks-card").get_text(" ", strip=True)
    assert "All webhooks have been deleted." in text
    assert "dropped 429" in text


def test_call_to_a_webhook_is_marked_in_the_list(
    api: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver
) -> None:
    call = notify(mock_sandbox, receiver)
    row = element(page(api, f"/calls?sandbox={mock_sandbox.name}"), f"[id='call-{call}']")
    assert "webhook" in [badge.text for badge in row.select(".badge")]
    assert f"POST {receiver.url}?token=***" in row.get_text(" ", strip=True)


@pytest.mark.parametrize(("status", "words"), [
    (200, "the app's webhook took it."), (500, "the app's webhook did not take it."),
])  # fmt: skip
def test_page_of_a_call_to_a_webhook(
    api: httpx.Client, mock_sandbox: Sandbox, receiver: Receiver, status: int, words: str
) -> None:
    receiver.statuses.append(status)
    shown = page(api, f"/calls/{notify(mock_sandbox, receiver)}")
    assert words in element(shown, ".verdict-text").text
    assert "PriceUpdate" in element(shown, ".call-facts").text
    assert "attempt 1 of delivery d1" in shown.text
    buttons = shown.select_one(".actions").get_text(" ")  # type: ignore[union-attr]
    assert "Send again" not in buttons
    assert "Edit and send" not in buttons
    assert f"curl -X POST '{receiver.url}?token=***'" in shown.text
