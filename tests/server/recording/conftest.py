"""Fixtures for tests of recorded calls: the URL of a mock, and a client with a sandbox of its own."""

from collections.abc import Iterator

import httpx
import pytest

from mockserver import app
from mockserver.server.server import serving
from tests.conftest import NO_CERTIFICATES, TIMEOUT


@pytest.fixture(scope="module")
def url(mock: app.Mock) -> Iterator[str]:
    with serving(mock.application) as url:
        yield url


@pytest.fixture
def client(url: str, sandbox: str) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=url, headers={"X-Mock-Sandbox": sandbox}, verify=NO_CERTIFICATES, timeout=TIMEOUT
    ) as client:
        yield client
