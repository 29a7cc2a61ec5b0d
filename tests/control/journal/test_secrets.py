"""Secrets are in no output of the journal, and not in the log."""

import logging

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving
from tests.control.journal.conftest import WASHER

QUERY = "access_token=s3cret&%61pi_key=s3cret&passwd=s3cret&sig=s3cret&fields=id"
HEADERS = {
    "X-Auth": "s3cret",
    "JWT": "s3cret",
    "Signature": "s3cret",
    "X-Session-Id": "s3cret",
    "X-Forwarded-User": "Bearer s3cret",
    "Referer": "https://shop.example/?token=s3cret",
    "Cookie": "session=s3cret",
    "Content-Type": "application/json",
}
BODIES = [
    '{"stock": 3, "nested": {"client_secret": "s3cret", "tokens": ["s3cret"]}}',
    '{"password": {"a": "s3cret"}, "stock": "many"',
    '{"stock": 3, "otp": 53, "p\\u0061ssword": "s3cret"}',
]


@pytest.mark.finding("A19")
def test_secrets_are_struck_out_everywhere(caplog: pytest.LogCaptureFixture) -> None:
    mock = app.build(names=["merchantpro"], products=1)
    log = caplog.at_level(logging.DEBUG, "mockserver")
    with log, serving(mock.application) as url, httpx.Client(base_url=url) as http:
        for auth in (("sbx_secrets", "s3cret"), ("s3cret", "s3cret"), None):
            for body in BODIES:
                http.patch(f"{WASHER}?{QUERY}", headers=HEADERS, content=body, auth=auth)
            http.get(f"/nobody?{QUERY}", headers=HEADERS, auth=auth)
        listed = http.get("/_mock/requests").json()["requests"]
        outputs = [
            http.get("/_mock/requests").text,
            http.post("/_mock/requests/find", json={}).text,
            http.post("/_mock/requests/wait", json={"match": {}}).text,
            http.post("/_mock/requests/verify", json={"match": {"method": "PUT"}}).text,
            http.get("/_mock/requests/har").text,
            http.get("/_mock/events?seconds=0&last_event_id=p0").text,
            *(http.get(f"/_mock/requests/{call['id']}").text for call in listed),
        ]
    assert len(listed) == 3 * (len(BODIES) + 1)
    outputs.append("\n".join(record.getMessage() for record in caplog.records))
    assert WASHER in outputs[-1]
    for output in outputs:
        assert "***" in output
        assert "s3cret" not in output
