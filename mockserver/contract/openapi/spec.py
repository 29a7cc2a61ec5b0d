"""A vendor's OpenAPI document, compiled: its hosts, its paths, its operations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.contract.openapi.documented_response import DocumentedResponse, compile_response
from mockserver.contract.openapi.operation import Operation, compile_operation
from mockserver.contract.openapi.schema import References
from mockserver.resources import InvalidFile, read, spec_file

METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Path:
    """One path template with its operations by method."""

    template: str
    pattern: tuple[str, ...]
    may_be_empty: frozenset[str]
    operations: Mapping[str, Operation]

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The values of the template's variables, or None if the segments do not fit."""
        if len(segments) != len(self.pattern):
            return None
        for place, text in self._fixed:
            if segments[place] != text:
                return None
        values = {}
        for place, name in self._free:
            values[name] = text = segments[place]
            if not text and name not in self.may_be_empty:
                return None
        return values

    @cached_property
    def _fixed(self) -> tuple[tuple[int, str], ...]:
        return tuple((place, part) for place, part in enumerate(self.pattern) if part[:1] != "{")

    @cached_property
    def _free(self) -> tuple[tuple[int, str], ...]:
        return tuple((place, part[1:-1]) for place, part in enumerate(self.pattern) if part[:1] == "{")

    def common(self, segments: tuple[str, ...]) -> int:
        """How many fixed segments from the start are the same."""
        count = 0
        for want, got in zip(self.pattern, segments, strict=False):
            if want.startswith("{") or want != got:
                break
            count += 1
        return count

    @property
    def methods(self) -> list[str]:
        methods = {*self.operations, "OPTIONS", *(["HEAD"] if "GET" in self.operations else [])}
        return sorted(methods)


class Spec:
    """A document, compiled. FileBroken: it is not what this server can serve."""

    def __init__(self, name: str) -> None:
        self.name, self.file = name, spec_file(name)
        self.document = read(self.file)
        try:
            self._compile()
        except Exception as error:  # whatever a person may have written there
            raise InvalidFile(f"{self.file}: {type(error).__name__}: {error}") from None

    def _compile(self) -> None:
        if not str(self.document["openapi"]).startswith("3.0."):
            raise ValueError(f"OpenAPI 3.0 is needed, not {self.document['openapi']}")
        components, references = self.document.get("components", {}), References(self.document)
        self.title: str = self.document["info"]["title"]
        self.paths = tuple(
            _path(template, item, references) for template, item in self.document["paths"].items()
        )
        self.operations = {op.id: op for path in self.paths for op in path.operations.values()}
        self.ground = {
            int(item["x-status"]): compile_response(int(item["x-status"]), item, references)
            for item in components.get("responses", {}).values()
        }
        self.records = {
            schema["x-collection"]: references.schema(schema)
            for schema in components.get("schemas", {}).values()
            if "x-collection" in schema
        }
        self.servers = tuple(_server(server) for server in self.document["servers"])
        self.default_host = self.servers[0][1]  # the variables where the host says nothing
        self.host_names = tuple(
            name for server in self.document["servers"] for name in _names(_host(server["url"]))
        )

    def find(self, segments: tuple[str, ...]) -> tuple[Path, dict[str, str]] | None:
        """The path that the segments fit, with its variables, or None."""
        for path in self.paths:
            if (values := path.match(segments)) is not None:
                return path, values
        return None

    def host(self, name: str) -> dict[str, str] | None:
        """The variables of the server whose name this is, or None if it is none of ours."""
        for pattern, _ in self.servers:
            if found := pattern.fullmatch(name):
                return {key: value or "" for key, value in found.groupdict().items()}
        return None

    @property
    def url(self) -> str:
        """The first server's URL, with its default variables."""
        server: str = self.document["servers"][0]["url"]
        return server.format(**self.default_host)

    def reply(self, operation: Operation | None, status: int) -> DocumentedResponse | None:
        """What the document says of an answer, or None."""
        return (operation.responses.get(status) if operation else None) or self.ground.get(status)


def _path(template: str, item: dict[str, Any], references: References) -> Path:
    shared = item.get("parameters", [])
    operations = {
        method.upper(): compile_operation(template, method, item[method], shared, references)
        for method in METHODS
        if method in item
    }
    may_be_empty = frozenset(
        parameter.name
        for operation in operations.values()
        for parameter in operation.parameters
        if parameter.place == "path" and parameter.schema.accepts("")
    )
    return Path(template, tuple(template.split("/")[1:]), may_be_empty, operations)


def _server(item: dict[str, Any]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A server's host name as a pattern; a leading variable may be missing, with its dot."""
    host = _host(item["url"])
    defaults = {name: variable["default"] for name, variable in item.get("variables", {}).items()}
    pattern = re.escape(host).replace(r"\{", "{").replace(r"\}", "}")
    for name in defaults:
        pattern = pattern.replace(f"{{{name}}}\\.", f"(?:(?P<{name}>.+)\\.)?")
    return re.compile(pattern, re.IGNORECASE), defaults


def _host(url: str) -> str:
    return url.split("://")[1].split("/")[0]


def _names(host: str) -> list[str]:
    """The names of a server for a certificate: a leading variable is a wildcard, and may be missing."""
    first, _, rest = host.partition(".")
    return [f"*.{rest}", rest] if first.startswith("{") else [host]
