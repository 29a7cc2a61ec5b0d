"""Contents are restored to a sandbox: its journal, its use and its deliveries are not in them."""

from collections.abc import Callable
from typing import Any

import pytest

from mockserver.sandbox.log.contents import contents_of, restore
from mockserver.sandbox.sandbox import Sandbox
from mockserver.sandbox.webhooks.outbox import Outbox
from mockserver.sandbox.webhooks.webhook import Delivery, Webhook
from tests.sandbox.parts import steps
from tests.sandbox.parts.steps import COLLECTIONS, NOON
from tests.sandbox.parts.test_parts import ignore, new_sandbox


def test_restore_neither_uses_a_sandbox_nor_touches_its_journal() -> None:
    source, sandbox = new_sandbox()[0], new_sandbox()[0]
    steps.put(source, 1)
    used, journal = sandbox.used, sandbox.journal
    restore(sandbox, contents_of(source), ignore)
    assert sandbox.state is source.state
    assert (sandbox.used, sandbox.journal, len(sandbox.journal)) == (used, journal, 0)


def test_contents_of_another_catalog_are_refused() -> None:
    with pytest.raises(ValueError, match="another catalog"):
        restore(new_sandbox(12)[0], contents_of(new_sandbox(13)[0]), ignore)


def with_delivery(sandbox: Sandbox) -> tuple[Delivery, list[Outbox]]:
    """Register a webhook with a delivery that waits. Return it, and a list of what its outbox notifies of."""
    notified: list[Outbox] = []
    sandbox.outbox = Outbox(sandbox, notified.append)
    sandbox.outbox.add(Webhook("w1", "shoplazza", ("a",), "http://127.0.0.1/", "", "", NOON))
    delivery = Delivery("d1", sandbox.outbox.webhooks[0], "a", NOON, {}, b"")
    sandbox.outbox.add_delivery(delivery, sandbox.outbox.generation)
    return delivery, notified


AFTERWARDS: dict[str, tuple[Callable[[Sandbox], Any], str, int]] = {
    "nothing": (lambda box: None, "waiting", 0),
    "a write": (lambda box: steps.put(box, 1), "waiting", 0),
    "another time": (lambda box: box.set_clock(lambda clock: clock.freeze(NOON)), "waiting", 1),
    "a reset": (lambda box: box.reset(), "dropped", 0),
    "the webhook is deleted": (lambda box: box.outbox and box.outbox.remove("w1"), "dropped", 0),
    "no webhooks at all": (lambda box: setattr(box, "outbox", None), "dropped", 0),
}


@pytest.mark.parametrize(("step", "state", "notified"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_deliveries_of_a_server_end_with_what_happens_at_another(
    step: Callable[[Sandbox], None], state: str, notified: int
) -> None:
    here, elsewhere = new_sandbox()[0], new_sandbox()[0]
    delivery, told = with_delivery(here)
    restore(elsewhere, contents_of(here), ignore)
    step(elsewhere)
    restore(here, contents_of(elsewhere), ignore)
    assert (delivery.state, len(told)) == (state, notified)


def test_webhook_that_was_registered_elsewhere_is_told_of_changes_here() -> None:
    here, elsewhere = new_sandbox()[0], new_sandbox()[0]
    with_delivery(elsewhere)
    told: list[Outbox] = []
    restore(here, contents_of(elsewhere), told.append)
    assert here.outbox is not None and here.outbox.deliveries() == []
    for number in range(len(COLLECTIONS) * 3):
        steps.put(here, number)
    assert set(told) == {here.outbox}
