"""Reads what a running server tells: any path, and its metrics."""

from typing import Any

import httpx

from tests.conftest import NO_CERTIFICATES, TIMEOUT


def get(url: str, path: str, **options: Any) -> httpx.Response:
    return httpx.get(f"{url}{path}", verify=NO_CERTIFICATES, timeout=TIMEOUT, **options)


def metrics(*urls: str) -> dict[str, float]:
    """Return the sums of the metrics of servers."""
    sums: dict[str, float] = {}
    for url in urls:
        for line in get(url, "/_mock/metrics").text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                sums[name] = sums.get(name, 0) + float(value)
    return sums
