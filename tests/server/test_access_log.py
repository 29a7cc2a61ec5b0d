"""The access log: for each refused call, a second line says why, and what would have helped."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from mockserver import app
from mockserver.server.access_log import CallLine
from mockserver.server.recording import entries
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import Headers

pytestmark = pytest.mark.finding("B3")
URL = "http://127.0.0.1:8080"
ITEM, LIST = "/api/v2/inventory/id/10001", "/products/inventory"
BASIC = {"Authorization": "Basic ZGVtbzpkZW1v"}
BEARER = {"Authorization": "Bearer demo", "Version": "2021-07-28"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Call = tuple[str, str, dict[str, str], str]
REFUSALS: dict[str, tuple[Call, str]] = {
    "a wrong token": (
        ("GET", f"{LIST}?altId=x&altType=location", BEARER | {"Authorization": "Bearer wrong"}, ""),
        "the credential is not accepted (and 1 more); "
        "send Authorization: Bearer demo, Version: 2021-07-28; more: {}-.1",
    ),
    "a wrong password": (
        ("GET", ITEM, {"Authorization": "Basic eDp5"}, ""),
        "the credential is not accepted; "
        "send Authorization: Basic ZGVtbzpkZW1v (user demo, password demo); more: {}-.1",
    ),
    "a wrong parameter": (
        ("GET", f"{LIST}?altId=x&altType=location&limit=a", BEARER, ""),
        "limit (query): must be a number; send query limit, for example 20; more: {}demo.1",
    ),
    "a wrong body": (
        ("PATCH", ITEM, BASIC | JSON, '{"stock": "x", "foo": 1, "bar": 2}'),
        "(and 2 more); ",
    ),
    "a wrong value, said once": (
        ("PATCH", ITEM, BASIC | JSON, '{"stock": "x"}'),
        '↳ stock (body): must be a whole number from 0 to 1,000,000,000, or {{"adjust_by": whole number from '
        "-1,000,000,000 to 1,000,000,000}}; more: {}demo.1",
    ),
    "a wrong code": (
        (
            "POST",
            "/oauth/token",
            FORM,
            "client_id=a&client_secret=demo&grant_type=authorization_code&code=forbidden",
        ),
        "↳ Authorization code not found; more: {}demo.1",
    ),
    "an unknown record": (
        ("GET", "/api/v2/inventory/id/77", BASIC, ""),
        "the sandbox has no record with this key; use a key that the sandbox has: "
        "GET /_mock/sandboxes/demo/records/merchantpro/",
    ),
    "a wrong method": (("DELETE", ITEM, BASIC, ""), "the path does not support this method; "),
    "no vendor": (("GET", "/nowhere", {}, ""), "no vendor has this path; use a vendor's own path"),
    "a wrong sandbox name": (("GET", ITEM, BASIC | {"X-Mock-Sandbox": "a b"}, ""), "a sandbox name has "),
    "control": (("GET", "/_mock/sandboxes/nope", {"Host": "localhost"}, ""), "there is no sandbox nope"),
}


@pytest.fixture(autouse=True)
def calls_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mockserver")


def raw_request(call: Call) -> RawRequest:
    method, target, headers, body = call
    path, _, query = target.partition("?")
    lines = Headers([(name.lower().encode(), value.encode()) for name, value in headers.items()])
    return RawRequest(method, path, query, lines, body.encode())


def line_of(call: Call, log: Any) -> CallLine:
    """Make a call, and return the message of its record. `log` keeps the records in `records`."""
    app.build().application.start(raw_request(call))
    line = log.records[-1].msg
    assert isinstance(line, CallLine)
    return line


@pytest.mark.parametrize(("call", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refused_call_has_a_second_line(call: Call, expected: str, caplog: pytest.LogCaptureFixture) -> None:
    first, second = line_of(call, caplog).text(URL).split("\n")
    assert first.endswith(" ms")
    assert second.startswith("  ↳ ")
    assert expected.format(f"{URL}/_mock/requests/") in second


@pytest.mark.parametrize(
    "call",
    [
        ("GET", ITEM, BASIC, ""),
        ("GET", ITEM, BASIC | {"Prefer": "code=404"}, ""),
        ("OPTIONS", ITEM, BASIC, ""),
    ],
    ids=["answered", "steered", "OPTIONS"],
)
def test_other_calls_have_one_line(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    assert "\n" not in line_of(call, caplog).text(URL)


def test_line_of_json_has_the_same_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    fields = line_of(REFUSALS["a wrong token"][0], caplog).fields(URL)
    assert json.loads(json.dumps(fields)) == fields | {
        "reasons": ["the credential is not accepted", "Invalid JWT"],
        "changes": ["send Authorization: Bearer demo", "send Version: 2021-07-28"],
        "more": f"{URL}/_mock/requests/-.1",
    }
    answered = line_of(("GET", ITEM, BASIC, ""), caplog).fields(URL)
    assert not {"reasons", "changes", "more"} & answered.keys()


class Keeping(logging.Handler):
    """Keeps records, as the queue of `mockserver serve` does, without formatting them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []
        self.emit = self.records.append  # type: ignore[method-assign]


def test_explanation_is_made_only_when_the_line_is_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    logger, handler = logging.getLogger("mockserver"), Keeping()
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    explained: list[Any] = []
    explain = entries.explain
    monkeypatch.setattr(entries, "explain", lambda *args: explained.append(args) or explain(*args))
    line = line_of(REFUSALS["a wrong token"][0], handler)
    assert not explained
    assert "the credential is not accepted" in str(line)
    assert explained


def test_secrets_are_struck_out(caplog: pytest.LogCaptureFixture) -> None:
    target = f"{LIST}?altId=x&altType=location&access_token=hush"
    text = line_of(("GET", target, {"Authorization": "Bearer sbx_hush"}, ""), caplog).text(URL)
    first, second = text.split("\n")
    assert "access_token=***" in first
    assert "send header Version, for example 2021-07-28; more: " in second
    assert "hush" not in text.replace("requests/hush.", "")  # the sandbox's name is no secret


def test_credential_that_would_help_is_struck_out(caplog: pytest.LogCaptureFixture) -> None:
    """It is that of the sandbox whose token has expired."""
    mock = app.build(names=["highlevel"])
    asked = "client_id=a&client_secret=sbx_hush&grant_type=authorization_code&code=demo"
    answer = mock.application.start(raw_request(("POST", "/oauth/token", FORM, asked)))
    token = json.loads(answer.body)["access_token"]
    mock.sandboxes.get("hush").set_clock(lambda clock: clock.advance(timedelta(days=2)))
    headers = {"Authorization": f"Bearer {token}", "Version": "2021-07-28"}
    mock.application.start(raw_request(("GET", f"{LIST}?altId=x&altType=location", headers, "")))
    text = caplog.records[-1].msg.text(URL)
    assert "send Authorization: Bearer ***, Version: 2021-07-28; more: " in text
    assert "hush" not in text.replace("requests/hush.", "")


def test_second_line_cannot_be_forged(caplog: pytest.LogCaptureFixture) -> None:
    target = f"{LIST}?altId=x&altType=location&a%0A12:00:00%20%1B[31mfake=1"
    text = line_of(("GET", target, BEARER, ""), caplog).text(URL)
    assert len(text.splitlines()) == 2
    assert "\\n12:00:00 \\x1b[31mfake" in text


@pytest.mark.parametrize(("status", "color"), [(200, "32"), (302, "36"), (404, "33"), (503, "31"), (0, "")])
def test_color_shows_the_class_of_the_status(status: int, color: str) -> None:
    line = CallLine("narvar", status, "GET", "/", 0.001)
    shown = f"\033[{color}m{status:3}\033[0m" if color else f"{status:3}"
    assert line.text(colored=True) == f"narvar      {shown} GET    /  1.0 ms"
    assert line.text() == f"narvar      {status:3} GET    /  1.0 ms"


def test_error_that_a_fault_injects_has_no_explanation() -> None:
    line = CallLine("narvar", 500, "GET", "/", 0.001, None, b"<html>")
    assert "\n" not in line.text()
