"""Control tokens and issued credentials: how long they live, and what the control API tells of them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.client import Client, Refused
from mockserver.server.server import serving

WASHER = "/api/v2/inventory/id/10001"
TOKEN, CREDENTIAL = re.compile("ctl_[a-z2-7]{26}"), re.compile("sbx_[a-z2-7]{26}")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Yield the URL of a server with an admin token."""
    with serving(app.build(names=["merchantpro"], admin_token="s3cret").application) as base_url:
        yield base_url


CALLER = httpx.Client()


def ask(url: str, method: str, path: str, body: Any = None, token: str = "s3cret") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return CALLER.request(method, f"{url}/_mock/sandboxes{path}", json=body, headers=headers)


def made(url: str, **options: Any) -> Any:
    """Create a sandbox with these options, and return the answer."""
    answer = ask(url, "POST", "", options)
    assert answer.status_code == 201, answer.text
    return answer.json()


def status(url: str, credential: str) -> int:
    return CALLER.get(url + WASHER, auth=(credential, "")).status_code


def test_token_is_told_once(url: str) -> None:
    first = made(url, name="told")
    fork = ask(url, "POST", "/told/fork", {"name": "told-fork"}).json()
    document = ask(url, "GET", "/told/export").json()
    imported = [ask(url, "PUT", "/told-import/import", document).json() for _ in range(2)]
    told = [first["control_token"], fork["control_token"], imported[0]["control_token"]]
    assert [bool(TOKEN.fullmatch(token)) for token in told] == [True] * 3
    assert len({*told}) == 3
    assert "control_token" not in imported[1]
    later = [ask(url, "GET", path).text for path in ("", "/told", "/told/export", "/told-import")]
    later += [ask(url, "POST", "/told/reset").text, ask(url, "GET", "", token=told[0]).text]
    assert not any(token in text for token in told for text in later)
    for name, token in zip(("told", "told-fork", "told-import"), told, strict=True):
        assert ask(url, "GET", f"/{name}", token=token).status_code == 200


def test_other_sandboxes_and_none_look_alike(url: str) -> None:
    token = made(url, name="mine")["control_token"]
    made(url, name="yours")
    for method, path, body in [
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/reset", None),
        ("PUT", "/clock", {"action": "nonsense"}),
        ("PUT", "/snapshots/a", None),
        ("GET", "/records/nobody/nothing", None),
        ("PUT", "/import", {}),
        ("POST", "/fork", {}),
    ]:
        answers = [ask(url, method, f"/{name}{path}", body, token) for name in ("yours", "nobody")]
        assert [answer.status_code for answer in answers] == [404, 404], path
        assert answers[0].text.replace("yours", "nobody") == answers[1].text
    assert ask(url, "GET", "/yours").status_code == 200


def test_list_shows_only_the_tokens_sandbox(url: str) -> None:
    token = made(url, name="listed")["control_token"]
    page = ask(url, "GET", "", token=token).json()
    assert [one["name"] for one in page["sandboxes"]] == ["listed"]
    assert (page["total"], page["next"]) == (1, None)
    assert ask(url, "GET", "?after=listed", token=token).json()["sandboxes"] == []
    assert len(ask(url, "GET", "?after=a&limit=1", token=token).json()["sandboxes"]) == 1


def test_token_ends_with_its_sandbox(url: str) -> None:
    first = made(url, name="ending")["control_token"]
    assert ask(url, "DELETE", "/ending", token=first).status_code == 204
    second = made(url, name="ending")["control_token"]
    assert [ask(url, "GET", "/ending", token=token).status_code for token in (first, second)] == [401, 200]


def test_token_that_ends_while_the_body_arrives_opens_nothing(url: str) -> None:
    """The name may belong to somebody else by then."""
    token, base = made(url, name="slow")["control_token"], httpx.URL(url)

    def body() -> Iterator[bytes]:
        yield b'{"action": '
        while ask(url, "GET", "/slow").status_code == 200:  # until the server has read the head
            ask(url, "DELETE", "/slow")
        made(url, name="slow")
        yield b'"freeze"}'

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = CALLER.put(f"{base}/_mock/sandboxes/slow/clock", content=body(), headers=headers)
    assert answer.status_code == 401
    assert ask(url, "GET", "/slow/clock").json()["frozen"] is False


def test_token_and_credential_survive_an_import_and_a_reset(url: str) -> None:
    sandbox = made(url, name="kept", credential="issued")
    token, credential = sandbox["control_token"], sandbox["credential"]
    document = ask(url, "GET", "/kept/export", token=token).json()
    assert ask(url, "PUT", "/kept/import", document, token).status_code == 200
    assert ask(url, "POST", "/kept/reset", token=token).json()["credential"] == credential
    assert status(url, credential) == 200


def test_issued_credential_ends_with_its_sandbox(url: str) -> None:
    credential = made(url, name="issued-ends", credential="issued")["credential"]
    assert CREDENTIAL.fullmatch(credential)
    assert status(url, credential) == 200
    ask(url, "DELETE", "/issued-ends")
    assert status(url, credential) == 401
    names = [one["name"] for one in ask(url, "GET", "?limit=1000").json()["sandboxes"]]
    assert credential.removeprefix("sbx_") not in names
    assert status(url, "sbx_issued-ends") == 200, "the name is free again"


@pytest.mark.parametrize("way", ["fork", "create"])
def test_copy_of_a_sandbox_with_an_issued_credential_has_its_own(url: str, way: str) -> None:
    parent = made(url, name=f"parent-{way}", credential="issued")
    name = f"copy-{way}"
    if way == "fork":
        copy = ask(url, "POST", f"/parent-{way}/fork", {"name": name}).json()
    else:
        copy = made(url, name=name, fork=f"parent-{way}")
    assert CREDENTIAL.fullmatch(copy["credential"])
    assert copy["credential"] != parent["credential"]
    assert [status(url, text) for text in (copy["credential"], f"sbx_{name}")] == [200, 401]


def test_shape_of_issued_credentials_is_no_name(url: str) -> None:
    assert status(url, "sbx_" + "b" * 26) == 401
    for method, path, body in (("POST", "", {"name": "b" * 26}), ("POST", "/demo/fork", {"name": "b" * 26})):
        answer = ask(url, method, path, body)
        assert (answer.status_code, "26 letters" in answer.json()["message"]) == (400, True)
    assert status(url, "sbx_" + "b" * 25) == 200


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (
            "sbx_explained",
            "the name of sandbox explained does not open it: send the credential that",
        ),
        ("sbx_" + "c" * 26, "this credential was not issued by this server, or its sandbox has ended"),
        ("ctl_" + "c" * 26, "a control token opens nothing at a vendor: send the sandbox's credential"),
    ],
)
def test_refused_credential_of_the_mocks_own_is_explained(url: str, credential: str, reason: str) -> None:
    ask(url, "POST", "", {"name": "explained", "credential": "issued"})
    assert status(url, credential) == 401
    with Client(url, token="s3cret") as client:
        why = [
            text for call in client.requests.find(status=401) for text in client.requests.explain(call).why
        ]
    assert [text for text in why if text.startswith(reason)]


def test_client_with_a_control_token(url: str) -> None:
    with Client(url, token="s3cret") as admin:
        created = admin.create("scoped", credential="issued")
    assert created.control_token and created.control_token not in repr(created)
    with Client(url, token=created.control_token) as client:
        sandbox = client.sandbox("scoped")
        assert (sandbox.credential, sandbox.control_token) == (created.credential, None)
        sandbox.records("merchantpro", "inventory").patch(10001, stock=3)
        sandbox.clock.freeze()
        assert [one.name for one in client.sandboxes()] == ["scoped"]
        with pytest.raises(Refused, match="there is no sandbox demo"):
            client.sandbox()
        with pytest.raises(Refused, match="you may use the control of sandbox scoped alone"):
            client.create()
    assert httpx.get(url + WASHER, auth=(created.credential, "")).json()["stock"] == 3


@pytest.fixture
def journals(url: str) -> dict[str, str]:
    """Make two sandboxes with one call each, and return the token of the first and the id of each call."""
    found = {}
    for name in ("ours", "theirs"):
        journal(url, "s3cret", "DELETE", f"sandboxes/{name}")  # that of the test before
        found["token"] = made(url, name=name)["control_token"] if name == "ours" else found["token"]
        status(url, f"sbx_{name}")
        found[name] = f"{name}.1"
    status(url, "demo")
    httpx.get(f"{url}/nobody")  # a call that belongs to no sandbox
    return found


def journal(url: str, token: str, method: str, path: str, **options: Any) -> httpx.Response:
    return CALLER.request(
        method, f"{url}/_mock/{path}", headers={"Authorization": f"Bearer {token}"}, **options
    )


READS = [  # of the journal: method, path, body with the place of a pattern
    ("GET", "requests", None),
    ("GET", "requests/har", None),
    ("POST", "requests/find", {}),
    ("POST", "requests/count", {}),
    ("POST", "requests/verify", {"match": {}, "exactly": 1}),
    ("POST", "requests/verify-sequence", {"sequence": [{}]}),
    ("POST", "requests/wait", {"match": {}, "count": 1}),
    ("GET", "events?seconds=0", None),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_journal_operation_reads_only_the_tokens_sandbox(
    url: str, journals: dict[str, str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = journal(url, journals["token"], method, path, json=body)
    assert answer.status_code == 200, answer.text
    assert not {"theirs", "demo", "nobody"} & set(re.findall("theirs|demo|nobody", answer.text))
    if path in ("requests", "requests/find", "requests/wait"):
        assert "ours" in answer.text
    if path == "requests/count":
        assert answer.json()["count"] == 1


@pytest.mark.parametrize("name", ["theirs", "nobody", "demo", "-"])
@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_journal_of_another_sandbox_is_as_of_none(
    url: str, journals: dict[str, str], method: str, path: str, body: dict[str, Any] | None, name: str
) -> None:
    if body is None:
        path += ("&" if "?" in path else "?") + f"sandbox={name}"
    elif "match" in body:
        body = {**body, "match": {"sandbox": name}}
    else:
        body = {**body, "sandbox": name}
    answer = journal(url, journals["token"], method, path, json=body)
    assert (answer.status_code, answer.json()["message"]) == (404, f"there is no sandbox {name}")


def test_call_in_another_sandbox_is_as_none(url: str, journals: dict[str, str]) -> None:
    answers = [
        journal(url, journals["token"], "GET", f"requests/{id}") for id in ("theirs.1", "nobody.1", "-.1")
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert journal(url, journals["token"], "GET", f"requests/{journals['ours']}").status_code == 200
    for query in (f"after={journals['theirs']}", "after=nobody.1", "before=-.1"):
        assert journal(url, journals["token"], "GET", f"requests?{query}").status_code in (400, 404)


def test_clearing_clears_only_the_tokens_sandbox(url: str, journals: dict[str, str]) -> None:
    assert journal(url, journals["token"], "DELETE", "requests").status_code == 204
    counts = [
        journal(url, "s3cret", "POST", "requests/count", json={"sandbox": name}).json()["count"]
        for name in ("ours", "theirs")
    ]
    assert counts == [0, 1]


def test_stream_tells_only_of_the_tokens_sandbox(url: str) -> None:
    token = made(url, name="streamed")["control_token"]
    with CALLER.stream(
        "GET", f"{url}/_mock/events?count=1", headers={"Authorization": f"Bearer {token}"}
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        for name in ("other-stream", "demo", "streamed"):
            made(url, name=name) if name == "other-stream" else None
            httpx.get(url + WASHER, auth=("demo" if name == "demo" else f"sbx_{name}", ""))
        httpx.get(f"{url}/nobody")
        text = "\n".join(lines)
    assert "streamed" in text
    assert not set(re.findall("other-stream|demo|nobody", text))
