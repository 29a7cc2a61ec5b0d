"""One server for the whole run, on a real socket, and a fresh sandbox for each test."""

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import app
from mockserver.server import serving

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
ROOT = Path(__file__).parent.parent
_numbers = count(1)


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """The URL of a running server with all vendors."""
    with serving(app.build().gateway) as url:
        yield url


@pytest.fixture
def sandbox() -> str:
    """The name of a sandbox that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def client(base_url: str, sandbox: str) -> Iterator[httpx.Client]:
    """An HTTP client whose calls all go to the test's own sandbox."""
    with httpx.Client(base_url=base_url, headers={"X-Mock-Sandbox": sandbox}) as one:
        yield one


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of all that these tests run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("data")
        patch.setenv("MOCKSERVER_DATA_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def stage(data: Path) -> Iterator[Any]:
    """Where a command of `mockserver exec` would run."""
    from mockserver.cli.exec import staged

    with staged(app.build(), only_vendors=False) as one:
        yield one


def exact(text: str) -> Any:
    """JSON with everything that matters kept: order of keys and the text of numbers."""
    return json.loads(text, object_pairs_hook=list, parse_float=lambda number: ("number", number))


def decimals(text: str) -> Any:
    """JSON with decimals instead of floats."""
    return json.loads(text, parse_float=Decimal)
