"""A vendor's OpenAPI document, compiled: its hosts, paths and operations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as PathOfFile
from typing import Any

from mockserver.contract.openapi.documented_response import DocumentedResponse, compile_response
from mockserver.contract.openapi.operation import Operation, compile_operation
from mockserver.contract.openapi.place import at, reason
from mockserver.contract.openapi.schema import References
from mockserver.resources import InvalidFile, read, spec_file

METHODS = ("get", "put", "post", "delete", "patch")
SEGMENT = re.compile(r"\{[^{}]+\}|[^{}]*")


@dataclass(frozen=True)
class Path:
    """One path of a spec, with its operations by method.

    `pattern` is the template, split at its slashes. `may_be_empty` are the variables that may be empty.
    """

    template: str
    pattern: tuple[str, ...]
    may_be_empty: frozenset[str]
    operations: Mapping[str, Operation]

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the template's variables, or None if a path's segments do not match."""
        if len(segments) != len(self.pattern):
            return None
        for index, text in self._fixed:
            if segments[index] != text:
                return None
        values = {}
        for index, name in self._variables:
            values[name] = text = segments[index]
            if not text and name not in self.may_be_empty:
                return None
        return values

    @cached_property
    def _fixed(self) -> tuple[tuple[int, str], ...]:
        return tuple((index, part) for index, part in enumerate(self.pattern) if part[:1] != "{")

    @cached_property
    def _variables(self) -> tuple[tuple[int, str], ...]:
        return tuple((index, part[1:-1]) for index, part in enumerate(self.pattern) if part[:1] == "{")

    def common_prefix(self, segments: tuple[str, ...]) -> int:
        """Count the leading segments that a request has in common with the template.

        A variable in the template ends the count.
        """
        count = 0
        for part, segment in zip(self.pattern, segments, strict=False):
            if part.startswith("{") or part != segment:
                break
            count += 1
        return count

    @property
    def methods(self) -> list[str]:
        """The methods that the path supports, sorted, including OPTIONS and HEAD."""
        methods = {*self.operations, "OPTIONS", *(["HEAD"] if "GET" in self.operations else [])}
        return sorted(methods)


class Spec:
    """A vendor's spec, read from its file or taken from an already loaded `document`.

    `shared_responses` maps statuses to the responses that all operations share. `records` maps
    collections to the schemas of their records. Raise InvalidFile if the mock cannot serve the spec.
    """

    def __init__(
        self, name: str, file: PathOfFile | None = None, document: dict[str, Any] | None = None
    ) -> None:
        self.name, self.file = name, file or spec_file(name)
        self.document = document or read(self.file)
        try:
            self._compile()
        except Exception as error:  # the file may contain anything, so any exception is possible
            raise InvalidFile(f"{self.file}: {reason(error)}") from None

    def _compile(self) -> None:
        version = self.document.get("openapi")
        if not str(version).startswith("3.0."):
            raise ValueError(f"OpenAPI 3.0 is needed, not {version}: begin the file with openapi: 3.0.3")
        references = References(self.document)
        self.title: str = self.document["info"]["title"]
        self.paths = tuple(
            _path(template, item, references) for template, item in self.document["paths"].items()
        )
        self.operations = {op.id: op for path in self.paths for op in path.operations.values()}
        self.shared_responses = {}
        for status, item in self.document.get("x-shared-responses", {}).items():
            with at(f"x-shared-responses {status}"):
                if not str(status).isdecimal():
                    raise ValueError("the key of a response must be its status, such as 404: correct it")
                response = compile_response(int(status), references.resolve(item), references)
                self.shared_responses[int(status)] = response
        self.records = {}
        for name, schema in self.document.get("x-collections", {}).items():
            with at(f"x-collections {name}"):
                self.records[name] = references.schema(schema)
        self._not_emulated = frozenset(map(_endpoint, self.document.get("x-not-emulated", ())))
        self.servers = tuple(_server(server) for server in self.document["servers"])
        self.default_host = self.servers[0][1]  # used if the Host header is not a vendor's
        self.host_names = tuple(
            name for server in self.document["servers"] for name in _names(_host(server["url"]))
        )

    @cached_property
    def real_url(self) -> str:
        """The URL of the vendor's first server, with the default values of its variables."""
        server = self.document["servers"][0]
        url: str = server["url"]
        for name, variable in server.get("variables", {}).items():
            url = url.replace(f"{{{name}}}", variable["default"])
        return url.rstrip("/")

    def find(self, segments: tuple[str, ...]) -> tuple[Path, dict[str, str]] | None:
        """Return the path that matches the segments, with the values of its variables, or None."""
        for path in self.paths:
            if (values := path.match(segments)) is not None:
                return path, values
        return None

    def lacks(self, method: str, path: str) -> bool:
        """Return True if `x-not-emulated` lists an endpoint: the vendor has it, and the mock does not."""
        wanted, segments = "GET" if method == "HEAD" else method, path.rstrip("/").split("/")
        return any(
            method == wanted and len(pattern) == len(segments)
            and all(part in (text, "{}") for part, text in zip(pattern, segments, strict=True))
            for method, pattern in self._not_emulated
        )  # fmt: skip

    def host(self, name: str) -> dict[str, str] | None:
        """Return the variables of the server with this host name, or None if there is no such server."""
        for pattern, _ in self.servers:
            if found := pattern.fullmatch(name):
                return {key: value or "" for key, value in found.groupdict().items()}
        return None

    @property
    def url(self) -> str:
        """The first server's URL, with its default variables."""
        server: str = self.document["servers"][0]["url"]
        return server.format(**self.default_host)

    def response(self, operation: Operation | None, status: int) -> DocumentedResponse | None:
        """Return the declared response for a status of an operation, or None."""
        return (operation.responses.get(status) if operation else None) or self.shared_responses.get(status)


def _path(template: str, item: dict[str, Any], references: References) -> Path:
    first, *pattern = template.split("/")
    if first:
        raise ValueError(f"path {template}: a path must begin with a slash: correct it")
    for segment in pattern:
        if not SEGMENT.fullmatch(segment):
            raise ValueError(
                f"path {template}: a variable must be a whole segment, unlike {segment}: correct it"
            )
    shared = item.get("parameters", [])
    operations = {}
    for method in METHODS:
        if method in item:
            with at(f"{method} {template}"):
                operations[method.upper()] = compile_operation(
                    template, method, item[method], shared, references
                )
    may_be_empty = frozenset(
        parameter.name
        for operation in operations.values()
        for parameter in operation.parameters
        if parameter.place == "path" and parameter.schema.accepts("")
    )
    return Path(template, tuple(pattern), may_be_empty, operations)


def _endpoint(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the method and the segments of an endpoint such as `GET /a/{id}`, with `{}` for `{id}`."""
    method, _, template = text.partition(" ")
    segments = template.rstrip("/").split("/")
    return method, tuple("{}" if segment.startswith("{") else segment for segment in segments)


def _server(item: dict[str, Any]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern for a server's host name, and the default values of its variables.

    If the host name begins with a variable, the pattern also matches the rest of the name alone.
    """
    host = _host(item["url"])
    defaults = {name: variable["default"] for name, variable in item.get("variables", {}).items()}
    pattern = re.escape(host).replace(r"\{", "{").replace(r"\}", "}")
    for name in defaults:
        pattern = pattern.replace(f"{{{name}}}\\.", f"(?:(?P<{name}>.+)\\.)?")
    return re.compile(pattern, re.IGNORECASE), defaults


def _host(url: str) -> str:
    return url.split("://")[1].split("/")[0]


def _names(host: str) -> list[str]:
    """Return the names that a certificate needs for a server.

    If the host name begins with a variable, they are a wildcard and the name without the variable.
    """
    first, _, rest = host.partition(".")
    return [f"*.{rest}", rest] if first.startswith("{") else [host]
