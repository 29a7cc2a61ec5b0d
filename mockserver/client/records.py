"""The records of a vendor's collection in a sandbox, in the vendor's own format."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mockserver.client.transport import ControlApi

__tracebackhide__ = True  # pytest shows the caller's line, not these

Record = Mapping[str, Any]
PAGE_SIZE = 1000


class Records:
    """One collection. Iterate over it to get all records, in the vendor's order.

    Methods raise Refused if no record has the key, or if a record breaks its schema.
    """

    def __init__(self, request: ControlApi, path: str) -> None:
        self._request, self._path = request, path

    def __iter__(self) -> Iterator[Record]:
        return self.find()

    def find(self, q: str | None = None, *, changed: bool = False) -> Iterator[Record]:
        """Yield the records with the text `q`; with `changed`, only those that differ from the beginning.

        The text is part of a product's SKU or name, or a whole EAN or key. In a record that has changed, that
        was added, or that is on the vendor's page, it may be anywhere.
        """
        filters = {**({} if q is None else {"q": q}), **({"changed": "true"} if changed else {})}
        offset, total = 0, 1
        while offset < total:
            query = urlencode({"offset": offset, "limit": PAGE_SIZE, **filters})
            page = self._request("GET", f"{self._path}?{query}")
            yield from page["records"]
            offset, total = offset + PAGE_SIZE, page["total"]

    def __len__(self) -> int:
        return int(self._request("GET", f"{self._path}?limit=1")["total"])

    def get(self, key: object) -> Record:
        return self._request_record("GET", key)

    def put(self, key: object, record: Record) -> Record:
        """Replace a record, or create it."""
        return self._request_record("PUT", key, record)

    def patch(self, key: object, **fields: Any) -> Record:
        """Replace some fields of a record, and return the whole record."""
        return self._request_record("PATCH", key, fields)

    def post(self, record: Record) -> Record:
        """Create a record. Raise Refused if a record with its key already exists."""
        created: Record = self._request("POST", self._path, record)
        return created

    def delete(self, key: object) -> None:
        self._request("DELETE", self._record_path(key))

    def initial(self, key: object) -> Record:
        """Return a record as it was when the sandbox was created or last imported."""
        record: Record = self._request("GET", f"{self._record_path(key)}/initial")
        return record

    def revert(self, key: object) -> Record | None:
        """Put a record back to what `initial` returns, and return it.

        If there was no such record, delete it and return None. Raise Refused if another record has its SKU.
        """
        record: Record = self._request("POST", f"{self._record_path(key)}/revert")
        return record or None

    def _request_record(self, method: str, key: object, body: Record | None = None) -> Record:
        record: Record = self._request(method, self._record_path(key), body)
        return record

    def _record_path(self, key: object) -> str:
        return f"{self._path}/{quote(str(key), safe='')}"
