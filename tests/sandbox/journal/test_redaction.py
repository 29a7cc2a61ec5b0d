"""Redaction: one rule for headers, targets, bodies and records."""

import json
from typing import Any

import pytest

from mockserver.sandbox.journal import redaction
from mockserver.sandbox.journal.redaction import (
    MAX_DEPTH,
    MAX_KEPT_BODY,
    STRUCK,
    is_secret,
    readable_body,
    redact_body,
    redact_headers,
    redact_json,
    redact_target,
)

pytestmark = pytest.mark.finding("A19")
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "access_token", "accessToken",
        "X-Shopify-Access-Token", "client_secret", "password", "passwd", "userPwd", "pwd", "api-key",
        "X_API_KEY", "apikey", "Signature", "X-Hub-Signature-256", "sig", "JWT", "X-JWT-Assertion", "X-Auth",
        "x-auth-user", "auth", "X-Session-Id", "JSESSIONID", "PHPSESSID", "session", "credential", "once",
        "X-Amz-Credential", "private_key", "accessKey", "otp", "sms_otp", "pass%77ord", "%61ccess%5Ftoken",
        "user[password]", "pass word", "user[pass]", "pass[]", "auth[0][name]", "login%5Bsid%5D",
    ],
)  # fmt: skip
def test_name_is_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "design",
        "assign",
        "code",
        "author",
        "passenger",
        "passenger[]",
        "compass",
        "sessions",
        "at_once",
        "key",
        "sku",
        "inside",
        "",
        "option",
    ],
)
def test_name_is_not_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/a?access_token=s3cret&x=1", "/a?access_token=***&x=1"),
        ("/a?%61ccess%5Ftoken=s3cret", "/a?%61ccess%5Ftoken=***"),
        ("/a?passwd=s3cret&sig=s3cret", "/a?passwd=***&sig=***"),
        ("/_mock/ui/login?once=s3cret&next=/", "/_mock/ui/login?once=***&next=/"),
        ("/a?token=&token&x=%00", "/a?token=&token&x=%00"),
        ("/a?x=1?y&&=", "/a?x=1?y&&="),
        ("/a?", "/a?"),
        ("/token=1", "/token=1"),
    ],
)
def test_target(target: str, shown: str) -> None:
    assert redact_target(target) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("authorization", "Bearer s3cret", "Bearer ***"),
        ("proxy-authorization", "basic s3cret", "basic ***"),
        ("authorization", "s3cret extra", "***"),
        ("X-Forwarded-User", "Bearer s3cret", "Bearer ***"),
        ("referer", "https://x.example/?token=s3cret&a=1", "https://x.example/?token=***&a=1"),
        ("Location", "/next?sig=s3cret", "/next?sig=***"),
        ("Set-Cookie", "a=s3cret", "***"),
        ("accept", "application/json", "application/json"),
    ],
)
def test_header(name: str, value: str, shown: str) -> None:
    assert redact_headers([(name, value)]) == ((name, shown),)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"password": "s3cret", "stock":1}', '{"password": "***", "stock":1}'),
        ('{"a":[{"api-key" : "s\\"3cret"}],"b":2}', '{"a":[{"api-key" : "***"}],"b":2}'),
        ('{"tokens":["s3cret",{"x":"]"}],"b":2}', '{"tokens":"***","b":2}'),
        ('{"credentials":{"user":{"x":"s3cret"}},"b":2}', '{"credentials":"***","b":2}'),
        ('{"pin":1,"otp":123456}', '{"pin":1,"otp":"***"}'),
        ('{"otp":1e5}', '{"otp":"***"}'),
        ('{"has_password":true,"token":null}', '{"has_password":true,"token":null}'),
        ('{"p\\u0061ssword":"s3cret"}', '{"p\\u0061ssword":"***"}'),
        ('{"note":"my password: \\"token\\":1"}', '{"note":"my password: \\"token\\":1"}'),
        ('{"password":"s3cr', '{"password":"***"'),
        ('{"password":', '{"password":'),
        ('{"tokens":["s3cret', '{"tokens":"***"'),
        ('["token","x"]', '["token","x"]'),
        ("password", "password"),
        ('{"stock":  3.50}', '{"stock":  3.50}'),
    ],
)
def test_json_body(body: str, shown: str) -> None:
    assert redact_body(body, "application/json") == shown


def test_form_bodies() -> None:
    assert redact_body("a=1&pass%77ord=s3cret", f"{FORM}; charset=utf-8") == "a=1&pass%77ord=***"
    part = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b'
    body = "--b\r\n" + part.format("password", "s3cret\r\nline") + "\r\n" + part.format("sku", "A1") + "--"
    shown = redact_body(body, "multipart/form-data; boundary=b")
    assert "s3cret" not in shown
    assert "A1" in shown


@pytest.mark.parametrize("body", ['{"token":' * 20_000, '{"a":' * 20_000 + '"token"', '"token":[' * 20_000])
def test_deep_bodies_are_read_without_recursion(body: str) -> None:
    redact_body(body)


@pytest.mark.parametrize("end", ["", "\\", '\\"'])
def test_an_unclosed_string_is_searched_once(end: str) -> None:
    body = '{"token": "s3cret", "note": "' + r"\"" * 1000 + end
    assert len(redaction._STRINGS.findall(body)) == 4  # not once more for each quote in the last string
    assert redact_body(body) == body.replace("s3cret", STRUCK)


def test_each_part_of_a_form_is_searched_once() -> None:
    body = 'name="token"' * 1000  # one line, and no value: a search from each name would take quadratic time
    assert redaction._BOUNDARY.split(body) == [body]
    assert redact_body(body, "multipart/form-data") == body


def test_secret_values_beyond_the_cut_are_not_kept() -> None:
    body = json.dumps({"note": "x" * (MAX_KEPT_BODY - 30), "password": "s3cret" * 100}).encode()
    text = readable_body(body)
    assert "s3cret" not in text
    assert text.endswith(f"({len(body)} bytes)")


def test_records() -> None:
    record: dict[str, Any] = {"id": 1, "tags": ["a"], "nested": {"x": None}}
    assert redact_json(record) is record
    secret = {"id": 1, "list": [{"apiKey": "s3cret"}], "password": None}
    assert redact_json(secret) == {"id": 1, "list": [{"apiKey": STRUCK}], "password": None}
    deep: Any = "s3cret"
    for _ in range(MAX_DEPTH * 100):
        deep = [deep]
    assert "s3cret" not in str(redact_json(deep))


def test_more_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_more_names", set())
    monkeypatch.setattr(redaction, "_is_known", redaction._is_known)
    assert not is_secret("x-Tenant_Code")
    redaction.also_redact(["X-Tenant-Code"])
    assert is_secret("x-Tenant_Code") and is_secret("a[x-tenant-code]")
    assert redact_body('{"xTenantCode": "s3cret"}') == '{"xTenantCode": "***"}'
    assert not is_secret("tenant")
