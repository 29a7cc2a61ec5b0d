"""Values from links: those that a vendor's other answers have now for the ids in a refused request."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from msgspec.structs import replace

from mockserver.contract.exchange import Exchange
from mockserver.contract.openapi.links import Link
from mockserver.contract.openapi.operation import Operation
from mockserver.contract.refusals.edits import edit_to, text_of_example
from mockserver.sandbox.journal.entry import Edit
from mockserver.vendor_api.raw_request import RawRequest
from mockserver.vendor_api.request import first_parameters

Read = Callable[[RawRequest], Any]  # returns the JSON of the answer, or None if the request is refused
Values = dict[tuple[Any, str], Any]  # by place and name
MAX_LINKS = 3  # one after the other: from a list to a product, to its variants, and to one of these


def linked_values(exchange: Exchange, body: Mapping[str, Any], read: Read) -> Iterator[tuple[Edit, ...]]:
    """Yield edits that give a request the values that the spec's links take from other answers.

    Only values that the request has are changed. `body` is its body, if that is an object, or else empty.
    """
    assert exchange.operation is not None
    answers = _Answers(exchange, read)
    sent: Values = {("path", name): text for name, text in exchange.path_values.items()}
    sent |= {("query", name): text for name, text in answers.query.items()}
    sent |= {("body", name): value for name, value in _parts(body)}
    for values in answers.values_for(exchange.operation, MAX_LINKS):
        edits = tuple(
            edit_to(place, name, value, "record")
            for (place, name), value in values.items()
            if sent.get((place, name), value) != value
        )
        if edits:
            yield edits


class _Answers:
    """The answers to GET requests of a refused request's client, each read once."""

    def __init__(self, exchange: Exchange, read: Read) -> None:
        self._exchange, self._read = exchange, read
        self._spec = exchange.contract.spec
        self._seen: set[str] = set()
        self.query = _first_values(exchange.request.query)

    def values_for(self, operation: Operation, depth: int) -> Iterator[Values]:
        """Yield the values that links give an operation, first those from paths without ids."""
        links = [link for link in self._spec.links if link.target == operation.id != link.source]
        for link in sorted(links, key=lambda link: self._spec.operations[link.source].template.count("{")):
            source = self._spec.operations[link.source]
            for given in self._given(source, depth) if source.method == "GET" else ():
                answer = self._answer(source, given)
                if answer is not None and (values := _values(link, operation, given, answer)):
                    yield values

    def _given(self, source: Operation, depth: int) -> Iterator[Values]:
        """Yield values for the parameters of a GET operation: as sent, as in the spec, and from links."""
        places = {"path": self._exchange.path_values, "query": self.query}
        wanted = [p for p in source.parameters if p.place == "path" or (p.required and p.place == "query")]
        examples: Values = {(p.place, p.name): text_of_example(p) for p in wanted}
        sent = {(p.place, p.name): places[p.place].get(p.name, examples[p.place, p.name]) for p in wanted}
        yield sent
        yield examples
        if depth > 1 and "{" in source.template:
            for values in self.values_for(source, depth - 1):
                yield sent | {key: value for key, value in values.items() if key in sent}

    def _answer(self, source: Operation, given: Values) -> Any:
        path = source.template
        for (place, name), value in given.items():
            if place == "path":
                path = path.replace(f"{{{name}}}", quote(str(value), safe="", errors="surrogateescape"))
        query = urlencode({name: value for (place, name), value in given.items() if place == "query"})
        target = f"{path}?{query}"
        if target in self._seen:
            return None
        self._seen.add(target)
        raw = self._exchange.raw
        prefix = raw.path.removesuffix(self._exchange.request.target.partition("?")[0])
        return self._read(replace(raw, method="GET", path=prefix + path, query=query, body=b""))


def _first_values(query: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for name, text in parse_qsl(first_parameters(query), keep_blank_values=True):
        values.setdefault(name, text)
    return values


def _values(link: Link, target: Operation, given: Values, answer: Any) -> Values:
    """Return the values that a link takes from an answer and its request, without constants."""
    places = {parameter.name: parameter.place for parameter in target.parameters}
    values: Values = {}
    for name, expression in link.parameters.items():
        place, _, own = name.rpartition(".")
        if (value := _value(expression, given, answer)) is not None:
            values[place or places.get(own), own] = str(value)
    for name, expression in _parts(link.body):
        values["body", name] = _value(expression, given, answer)
    return {key: value for key, value in values.items() if value is not None and key[0] != "header"}


def _value(expression: Any, given: Values, answer: Any) -> str | int | None:
    """Return the value of an expression, or None if there is none, or if it is no id."""
    kind, _, rest = str(expression).partition("#/")
    if kind == "$response.body":
        for part in rest.split("/"):
            if isinstance(answer, list) and part.isdecimal() and int(part) < len(answer):
                answer = answer[int(part)]
            else:
                answer = answer.get(part) if isinstance(answer, dict) else None
        return answer if isinstance(answer, str | int) else None
    source, _, name = kind.removeprefix("$request.").partition(".")
    return given.get((source, name)) if kind.startswith("$request.") else None


def _parts(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each text or number in a JSON value, with its name: those of the parts, joined with dots."""
    if not isinstance(value, Mapping | list):
        yield name, value
        return
    for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from _parts(part, f"{name}.{key}" if name else str(key))
