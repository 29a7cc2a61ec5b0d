"""Redaction: one rule for headers, targets, bodies and records."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver.sandbox.journal import redaction
from mockserver.sandbox.journal.redaction import (
    MAX_DEPTH,
    MAX_KEPT_BODY,
    STRUCK,
    is_plain_record,
    is_plain_text,
    is_secret,
    readable_body,
    redact_body,
    redact_header_values,
    redact_headers,
    redact_json,
    redact_target,
    redact_violation,
    strike_body,
)
from mockserver.vendor_api.json_text import encode
from mockserver.vendor_api.problem import Violation

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
        ('{"grant_type":"x","code":"s3cret"}', '{"grant_type":"x","code":"***"}'),
        ('{"code":"s3cret","grantType":"x"}', '{"code":"***","grantType":"x"}'),
        ('{"code":"Success","message":"grant_type."}', '{"code":"Success","message":"grant_type."}'),
        ('{"refresh_token":"s3cret","code":"x"}', '{"refresh_token":"***","code":"x"}'),
        ('{"password":', '{"password":'),
        ('{"tokens":["s3cret', '{"tokens":"***"'),
        ('["token","x"]', '["token","x"]'),
        ("password", "password"),
        ('{"stock":  3.50}', '{"stock":  3.50}'),
    ],
)
def test_json_body(body: str, shown: str) -> None:
    assert redact_body(body, "application/json") == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("grant_type=x&code=s3cret", "grant_type=x&code=***"),
        ("c%6Fde=s3cret&grant%5Ftype=x&client_id=a", "c%6Fde=***&grant%5Ftype=x&client_id=a"),
        ("client_secret=s3cret&refresh_token=s3cret", "client_secret=***&refresh_token=***"),
        ("code=A1&name=grant_type", "code=A1&name=grant_type"),
    ],
)
def test_form_of_a_grant(body: str, shown: str) -> None:
    assert redact_body(body, FORM) == shown


def test_record_of_a_grant() -> None:
    assert redact_json({"grant_type": "x", "code": "s3cret"}) == {"grant_type": "x", "code": STRUCK}
    assert redact_json({"code": "A1"}) == {"code": "A1"}


@pytest.mark.parametrize("content_type", ["", "text/plain;charset=UTF-8", "application/json"])
def test_form_that_is_sent_as_another_type(content_type: str) -> None:
    shown = redact_body("grant_type=x&code=s3cret&client_secret=s3cret&a=1", content_type)
    assert shown == "grant_type=x&code=***&client_secret=***&a=1"
    for other in ("a line = a=1", '{"a=1": "token=1"}', "<a b=1>token=1</a>", "=", "?token"):
        assert redact_body(other, content_type) == other


@pytest.mark.parametrize(("beside", "shown"), [("grantType", "***"), ("state", "s3cret")])
def test_code_in_parts_of_a_form(beside: str, shown: str) -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = part.format("code", "s3cret") + part.format(beside, "x") + "--b--"
    assert redact_body(body, "multipart/form-data; boundary=b") == body.replace("s3cret", shown)


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


NAMES = (
    "token", "\\u0074oken", "\\token", "pass", "a:token", " :token", "user[pass]", "p%61ss", "grant_type",
    "code", "stock", "a", "", "n\\n", "author", "sIg", "\\\"otp", "é", "\\/sid", "Code-Verifier",
)  # fmt: skip
SCALARS = ('"s3cret"', '"a\\"b"', '"token"', '"é\\u00e9"', "1", "-1.50e3", "true", "null", '""')
PIECES = (
    *SCALARS, "[", "{", "}", "]", ",", ":", " ", '"', "\\", "&", "=", "--b\r\n", "\r\n\r\n", "\0", "token=s",
)  # fmt: skip
JSON_TEXTS = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([":", " :\n"]), inner), max_size=3).map(
            lambda fields: "{" + ", ".join(f'"{name}"{colon}{value}' for name, colon, value in fields) + "}"
        ),
    ),
    max_leaves=6,
)
BODIES = st.one_of(
    JSON_TEXTS,
    st.tuples(JSON_TEXTS, st.integers(1, 30)).map(lambda cut: cut[0][: -cut[1]]),
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(NAMES).map('"{}":'.format)), max_size=9).map(
        "".join
    ),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=5)).map(urlencode),
)
KINDS = st.sampled_from(["", "application/json", FORM, "multipart/form-data; boundary=b"])


@settings(max_examples=300, deadline=None)
@given(BODIES, KINDS, st.binary(max_size=2))
@example('{"grant_type":"x","code":"s3cret"}', "", b"")
@example('{"\\token":"s3cret"}', "", b"")
@example('{"a" ":token":"s3cret"}', "", b"")
def test_body_without_its_secrets_reads_as_the_body_with_them(text: str, kind: str, end: bytes) -> None:
    body = text.encode() + end
    struck = strike_body(body, kind)
    assert struck.decode("utf-8", "replace") == readable_body(body, kind) == readable_body(struck, kind)
    assert strike_body(struck, kind) == struck


@settings(max_examples=100, deadline=None)
@given(JSON_TEXTS)
def test_value_without_its_secrets_has_none(text: str) -> None:
    redacted = redact_json(json.loads(text))
    assert redact_json(redacted) is redacted


@settings(max_examples=300, deadline=None)
@given(JSON_TEXTS)
@example('{"a": ":", "b": "\\":", "token": "s3cret"}')
def test_text_without_secret_names_has_no_secrets(text: str) -> None:
    value = json.loads(text)
    assert redact_json(value) is value or not is_plain_text(encode(value))
    assert is_plain_text(b'{"price":1,"unit":"token:"}')


@settings(max_examples=300, deadline=None)
@given(JSON_TEXTS)
@example('{"stock": 1, "warehouses": [{"stock": 1}, {"token": "s3cret"}]}')
@example('{"stock": 1, "warehouses": [[{"token": "s3cret"}]]}')
@example('{"stock": 1, "warehouse": {"token": "s3cret"}}')
def test_record_with_names_known_as_plain_has_no_secrets(text: str) -> None:
    record = {"a": json.loads(text)}
    redact_json(record)  # now its plain names are known
    assert redact_json(record) is record or not is_plain_record(record)
    assert redact_json(known := {"a": [{"stock": 1}, 2]}) is known and is_plain_record(known)


def test_mapping_of_header_values() -> None:
    headers = {"cookie": "a", "accept": "b", "x-user": "Bearer s3cret"}
    for _ in range(2):  # the second time, the names are known
        assert redact_header_values(headers) == dict(redact_headers(headers.items()))
        assert redact_header_values({"accept": "b", "x-user": "basic s"}) == {
            "accept": "b",
            "x-user": "basic ***",
        }


def test_names_of_forms_are_remembered_up_to_a_bound() -> None:
    for number in range(3 * redaction.MAX_PLAIN_NAMES):
        assert redact_target(f"/a?name{number}=1&{'x' * 300}{number}=1")
    assert len(redaction._plain_names) <= redaction.MAX_PLAIN_NAMES
    assert max(map(len, redaction._plain_names), default=0) <= redaction.MAX_PLAIN_NAME


@pytest.mark.parametrize(
    ("name", "body", "kept"),
    [
        ("stock", b"{}", True), ("token", b"{}", False), ("tokens.0", b"{}", False),
        ("credentials.user", b"{}", False), ("code", b"{}", True), ("code", b'{"grantType":"x"}', False),
        ("code", b"Grant_Type=x", False), ("codes", b'{"grant_type":"x"}', True),
    ],
)  # fmt: skip
def test_violation(name: str, body: bytes, kept: bool) -> None:
    violation = Violation("body", name, "type", "integer", "s3cret")
    assert redact_violation(violation, body).value == ("s3cret" if kept else STRUCK)
