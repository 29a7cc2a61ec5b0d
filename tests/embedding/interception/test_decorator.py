"""`intercept` as a decorator, and its arguments that a `with` block takes as well."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import mockserver
from mockserver.embedding.interception.registry import REGISTRY
from tests.conftest import ROOT
from tests.embedding.interception.test_interception import AUTH, WASHER

pytestmark = pytest.mark.finding("C3")


def stock_after_one_more() -> int:
    httpx.patch(WASHER, headers=AUTH, json={"stock": {"adjust_by": 1}})
    return httpx.get(WASHER, headers=AUTH).json()["stock"]


def is_intercepting() -> bool:
    return bool(REGISTRY._active)


def test_function_runs_in_an_interception_of_its_own() -> None:
    @mockserver.intercept(vendors=["merchantpro"])
    def decorated(first: int, *, second: int = 0) -> tuple[int, int, int]:
        """Return three numbers."""
        return first, second, stock_after_one_more()

    assert [decorated(1, second=2) for _ in range(2)] == [(1, 2, 11)] * 2
    assert not is_intercepting()
    assert (decorated.__name__, decorated.__doc__) == ("decorated", "Return three numbers.")
    assert [*inspect.signature(decorated).parameters] == ["first", "second"]


def test_exception_ends_the_interception() -> None:
    @mockserver.intercept()
    def decorated() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        decorated()
    assert not is_intercepting()


def test_function_may_call_itself() -> None:
    @mockserver.intercept()
    def decorated(depth: int) -> list[int]:
        return [stock_after_one_more(), *(decorated(depth - 1) if depth else [])]

    assert decorated(2) == [11, 11, 11]


def test_coroutine_functions_run_at_the_same_time() -> None:
    @mockserver.intercept()
    async def decorated(number: int) -> int:
        async with httpx.AsyncClient(headers=AUTH) as client:
            await client.patch(WASHER, json={"stock": number})
            await asyncio.sleep(0)
            return (await client.get(WASHER)).json()["stock"]

    async def run_all() -> list[int]:
        return await asyncio.gather(*map(decorated, range(1, 5)))

    assert inspect.iscoroutinefunction(decorated)
    assert asyncio.run(run_all()) == [1, 2, 3, 4]
    assert not is_intercepting()


def generator() -> Any:
    yield


async def async_generator() -> Any:
    yield


@pytest.mark.parametrize("wrong", [generator, async_generator, Callable, object(), "text"])
def test_only_functions_can_be_decorated(wrong: Any) -> None:
    with pytest.raises(TypeError, match="decorates a function or coroutine function, not "):
        mockserver.intercept()(wrong)


def test_parentheses_are_needed() -> None:
    with pytest.raises(TypeError, match="with parentheses"):
        mockserver.intercept(stock_after_one_more)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"limits": "x"},
            TypeError,
            "`limits` must be True, False or {vendor: {name of limit: calls}}, not 'x'",
        ),
        ({"limits": {"merchantpro": 3}}, TypeError, "`limits` must be True, False or"),
        ({"limits": {"merchantpro": {"day": -1}}}, ValueError, "a whole number of calls from 0, not -1"),
        ({"limits": {"merchantpro": {"day": "1"}}}, ValueError, "a whole number of calls from 0, not '1'"),
        ({"limits": {"acme": {"day": 1}}}, ValueError, "`limits`: there is no vendor acme"),
        ({"limits": {"merchantpro": {"year": 1}}}, ValueError, "`limits`: merchantpro has no limit year"),
        ({"hosts": {1: "sabi"}}, ValueError, "1 is not a host name"),
        ({"colour": 1}, TypeError, r"intercept\(\) has no argument colour"),
        ({"vendors_from": "/nowhere"}, Exception, "the folder of vendors does not exist"),
    ],
)
def test_invalid_argument_is_a_one_line_error(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised, mockserver.intercept(**arguments):
        pytest.fail("the block was entered")
    assert "\n" not in str(raised.value)
    assert not is_intercepting()


@pytest.mark.parametrize("limits", [
    {"merchantpro": {"day": 1}}, {"enabled": True, "overrides": {"merchantpro": {"day": 1}}},
])  # fmt: skip
def test_numbers_of_limits_hold_in_every_sandbox_and_after_a_reset(limits: Any) -> None:
    with mockserver.intercept(limits=limits) as mock:
        for auth in (("demo", ""), ("sbx_other", ""), ("demo", "")):
            assert [httpx.get(WASHER, auth=auth).status_code for _ in range(2)] == [200, 429]
            mock.reset()
        assert mock.limits.of("merchantpro")["day"].most == 1


def test_sandboxes_of_the_client_have_the_vendors_real_urls() -> None:
    interception = mockserver.intercept(vendors=["merchantpro", "narvar"])
    with interception as mock:
        client = interception.client
        with client.create("one", products=3) as one, one.fork("two") as two:
            copy = client.load("three", two.export())
            found = [mock, one, two, copy, client.sandbox("one"), *client.sandboxes()]
            for sandbox in found:
                assert sandbox.vendors["merchantpro"].base_url == "https://shop.demo.ro"
                access = sandbox.vendors["narvar"]
                url = f"{access.base_url}/exchanges/inventory/9999"
                assert httpx.get(url, headers=access.headers).status_code == 200
            assert copy.requests.count() == 2


def test_vendors_of_your_own_folder_are_answered(tmp_path: Any) -> None:
    (tmp_path / "fixtures").mkdir()
    fixture = (ROOT / "fixtures/narvar.yaml").read_text()
    (tmp_path / "fixtures/narvar.yaml").write_text(fixture.replace("9999", "9998"))
    for folder, status in ((None, 404), (tmp_path, 200), (str(tmp_path), 200)):
        with mockserver.intercept(vendors_from=folder) as mock:
            access = mock.vendors["narvar"]
            url = f"{access.base_url}/exchanges/inventory/9998"
            assert httpx.get(url, headers=access.headers).status_code == status
