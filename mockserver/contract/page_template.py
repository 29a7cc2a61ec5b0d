"""The press: a page of generated records as JSON, without making the records.

Records that look alike differ in their names alone. Of each look the text is written once, with
holes where the names end, after its first and its last record were checked against the spec; a
page is then put together from such texts. What stands around the records is checked every time.
"""

from functools import cached_property
from typing import Any

from msgspec import Raw

from mockserver.contract.openapi.documented_response import DocumentedResponse
from mockserver.contract.openapi.schema import Schema
from mockserver.contract.response import encode
from mockserver.store.base_records import Page


class NotTemplated(Exception):
    """Records cannot be written by their look."""


class PageTemplate:
    """Writes the answers of one kind, those whose list `name` is a page."""

    def __init__(self, name: str, schema: dict[str, Any]) -> None:
        self.name, self._schema = name, schema

    def page(self, body: Any) -> Page | None:
        """The page in an answer's body, if it has one."""
        page = body.get(self.name) if isinstance(body, dict) else None
        return page if type(page) is Page else None  # whether it is an instance takes ten times as long

    def written(self, body: dict[str, Any], page: Page) -> bytes | None:
        """An answer's body as JSON; None: it is not plainly as it should be."""
        if not self._frame.accepts({**body, self.name: [None] * len(page)}):
            return None
        try:
            texts = self._texts(page)
        except NotTemplated:
            return None
        return encode({**body, self.name: Raw(b"[%b]" % b",".join(texts))})

    @cached_property
    def _frame(self) -> Schema:
        fields = self._schema["properties"]
        anything = {**fields[self.name], "items": {}}
        return Schema({**self._schema, "properties": {**fields, self.name: anything}})

    @cached_property
    def _item(self) -> Schema:
        return Schema(self._schema["properties"][self.name]["items"])

    def _texts(self, page: Page) -> list[bytes]:
        """The JSON of each record of a page. NotPlain."""
        catalog, of = page.catalog, page.base.collection
        period, values = catalog.period, of.id_numbers
        forms: dict[int, bytes] = catalog.record_templates.setdefault((page.base.id, self), {})
        return [
            (forms.get(number % period) or self._format_of(page, number % period, forms))
            % values(catalog, number)
            for number in page.numbers
        ]

    def _format_of(self, page: Page, first: int, forms: dict[int, bytes]) -> bytes:
        """The text of all records that look like the one of a number. NotPlain."""
        catalog, of = page.catalog, page.base.collection
        if not of.id_formats:
            raise NotTemplated("they do not repeat")
        last = range(first, of.count(catalog), catalog.period)[-1]
        if not all(map(self._item.accepts, page.base.generate_many(catalog, (first, last)))):
            raise NotTemplated("they are not as the spec has them")
        template = page.base.template(catalog, first).items()
        fields = [
            _text(name) + b":" + (_hole(value) if name in of.id_formats else _text(value))
            for name, value in template
        ]
        form = b"{%b}" % b",".join(fields)
        if form % of.id_numbers(catalog, first) != encode(page.base.generate(catalog, first)):
            raise NotTemplated("their names stand in another order")
        forms[first] = form
        return form


def page_template_of(reply: DocumentedResponse | None) -> PageTemplate | None:
    """What writes an answer that has a list; None: it has none."""
    schema = reply.schema.draft4 if reply and reply.schema else {}
    lists = (name for name, field in schema.get("properties", {}).items() if field.get("type") == "array")
    name = next(lists, None)
    return PageTemplate(name, schema) if name else None


def _text(value: Any) -> bytes:
    """JSON, in which a percent sign is no hole."""
    return encode(value).replace(b"%", b"%%")


def _hole(form: str | None) -> bytes:
    """A name as JSON, with its hole; what JSON escapes is no part of a format."""
    return encode(form) if form else b"%d"
