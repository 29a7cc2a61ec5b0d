"""A vendor's records in a sandbox, as the vendor keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mockserver.client.transport import ControlApi

Record = Mapping[str, Any]
PAGE = 1000


class Records:
    """One collection, in the vendor's order: iterate it for all. Refused: there is no such record."""

    def __init__(self, ask: ControlApi, path: str) -> None:
        self._ask, self._path = ask, path

    def __iter__(self) -> Iterator[Record]:
        offset, total = 0, 1
        while offset < total:
            page = self._ask("GET", f"{self._path}?offset={offset}&limit={PAGE}")
            yield from page["records"]
            offset, total = offset + PAGE, page["total"]

    def __len__(self) -> int:
        return int(self._ask("GET", f"{self._path}?limit=1")["total"])

    def get(self, key: object) -> Record:
        return self._one("GET", key)

    def put(self, key: object, record: Record) -> Record:
        """Replace a record, or make it."""
        return self._one("PUT", key, record)

    def patch(self, key: object, **fields: Any) -> Record:
        """Replace some fields."""
        return self._one("PATCH", key, fields)

    def post(self, record: Record) -> Record:
        made: Record = self._ask("POST", self._path, record)
        return made

    def delete(self, key: object) -> None:
        self._ask("DELETE", self._at(key))

    def _one(self, method: str, key: object, body: Record | None = None) -> Record:
        shown: Record = self._ask(method, self._at(key), body)
        return shown

    def _at(self, key: object) -> str:
        return f"{self._path}/{quote(str(key), safe='')}"
