"""docs/python-client.md lists every public member of the client's classes, with its parameters."""

import inspect
import re
from dataclasses import fields, is_dataclass

import pytest

from mockserver.client import Client, Sandbox
from mockserver.client.clock import Clock
from mockserver.client.demo import Demo
from mockserver.client.diff import Diff
from mockserver.client.faults import Faults
from mockserver.client.limits import Limits
from mockserver.client.models import Change, Edit, Explanation, Request, Response, Summary, Totals
from mockserver.client.records import Records
from mockserver.client.requests import Requests
from mockserver.client.sandbox import Access
from mockserver.client.webhooks import Webhooks
from tests.conftest import ROOT

pytestmark = pytest.mark.finding("C3")
CLASSES = [
    Client, Sandbox, Demo, Access, Records, Faults, Clock, Limits, Webhooks, Requests, Request, Summary,
    Response, Change, Explanation, Edit, Diff, Totals,
]  # fmt: skip
INTERNAL = {(Request, "of"), (Summary, "of")}


def section(kind: type) -> str:
    page = (ROOT / "docs/python-client.md").read_text()
    return page.partition(f"\n## {kind.__name__}\n")[2].partition("\n## ")[0]


def members(kind: type, mock_sandbox: Sandbox) -> dict[str, object]:
    """Return the public members of a class, and those that its instances have."""
    named = {name: vars(kind).get(name) for name in dir(kind) if name in vars(kind)}
    if is_dataclass(kind):
        named |= {field.name: None for field in fields(kind)}
    if kind is Sandbox:
        named |= dict.fromkeys(set(vars(mock_sandbox)) - set(named))
    return {
        name: member
        for name, member in named.items()
        if not name.startswith("_") and (kind, name) not in INTERNAL
    }


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_member_has_a_line(kind: type, mock_sandbox: Sandbox) -> None:
    cells = re.findall(r"^\| (`[^|]*`) \|", section(kind), re.MULTILINE)
    shown = {name: text for cell in cells for text in re.findall("`([^`]+)`", cell)
             for name in [text.partition("(")[0]]}  # fmt: skip
    expected = members(kind, mock_sandbox)
    assert set(shown) - {"token", "ca"} == set(expected) | (
        {"url", "requests", "strays", "demo"} if kind is Client else set()
    )
    for name, member in expected.items():
        if inspect.isfunction(member):
            parameters = [one for one in inspect.signature(member).parameters if one != "self"]
            assert (
                re.findall(r"\w+(?=[=,)])", re.sub(r"=[^,)]+", "=", shown[name].partition("(")[2]))
                == parameters
            )


def test_arguments_of_the_client_are_shown() -> None:
    names = [name for name in inspect.signature(Client).parameters if name != "self"]
    assert f"`Client({', '.join(f'{name}=None' for name in names)})`" in section(Client)
