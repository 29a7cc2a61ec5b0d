"""A vendor's OpenAPI document, compiled: its hosts, paths and operations."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from operator import itemgetter
from pathlib import Path as PathOfFile
from typing import Any

from mockserver.contract.openapi.differences import changed_document, read_differences
from mockserver.contract.openapi.documented_response import DocumentedResponse, compile_response
from mockserver.contract.openapi.links import Link, links_of
from mockserver.contract.openapi.operation import Operation, compile_operation
from mockserver.contract.openapi.place import at, reason
from mockserver.contract.openapi.schema import References, Schema
from mockserver.data.resources import InvalidFile, content_of, parse, read, spec_file

Endpoint = tuple[str, tuple[str, ...]]  # method and segments, with `{}` for a variable
KEPT_SPECS = 16
METHODS = ("get", "put", "post", "delete", "patch")
SEGMENT = re.compile(r"\{[^{}]+\}|[^{}]*")


@dataclass(frozen=True)
class Path:
    """One path of a spec, with its operations by method.

    `pattern` is the template, split at its slashes. `may_be_empty` are the variables that may be empty. If
    `slash_may_follow` (`x-slash-may-follow` in the spec), a slash at the end of a request's path is left out.
    `others` are endpoints of the vendor that are not emulated and have a word in place of a variable of the
    template: `GET /items/count` is not the item `count` of `GET /items/{id}`.
    """

    template: str
    pattern: tuple[str, ...]
    may_be_empty: frozenset[str]
    operations: Mapping[str, Operation]
    slash_may_follow: bool = False
    others: frozenset[Endpoint] = frozenset()
    _words_of: Callable[[tuple[str, ...]], Any] = field(init=False, repr=False, compare=False)
    _words: Any = field(init=False, repr=False, compare=False)
    _variables: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Not by cached_property: an attribute that its class has too takes several times as long to read.
        parts = [*enumerate(self.pattern)]
        words = [index for index, part in parts if part[:1] != "{"]
        set_field = partial(object.__setattr__, self)
        set_field("_words_of", itemgetter(*words) if words else itemgetter(slice(0)))
        set_field("_words", self._words_of(self.pattern))
        set_field("_variables", tuple((index, part[1:-1]) for index, part in parts if index not in words))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the template's variables, or None if a path's segments do not match."""
        if len(segments) != len(self.pattern):
            if not self.slash_may_follow or segments[-1] or len(segments) != len(self.pattern) + 1:
                return None
            segments = segments[:-1]
        if self._words_of(segments) != self._words:
            return None
        values = {}
        for index, name in self._variables:
            values[name] = text = segments[index]
            if not text and name not in self.may_be_empty:
                return None
        return values

    def operation_for(self, method: str, segments: tuple[str, ...]) -> tuple["Path | None", Operation | None]:
        """Return (path, operation) for a request that matches: (None, None) if it is one of the `others`.

        The operation is None if the path has no such method. HEAD uses GET's operation.
        """
        method = "GET" if method == "HEAD" else method
        if self.others and any(_matches(one, method, segments) for one in self.others):
            return None, None
        return self, self.operations.get(method)

    def overlaps(self, other: "Path") -> bool:
        """Return True if a request can match both paths."""
        return len(self.pattern) == len(other.pattern) and all(
            one == two or one[:1] == "{" or two[:1] == "{"
            for one, two in zip(self.pattern, other.pattern, strict=True)
        )

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


@dataclass(frozen=True)
class Webhook:
    """One topic of a vendor's webhooks: the schema of the body, and the evidence for it with its source."""

    schema: Schema
    evidence: str
    source: str


class Spec:
    """A vendor's spec, read from its file or taken from an already loaded `document`.

    `shared_responses` maps statuses to the responses that all operations share. `records` maps collections to
    the schemas of their records, `webhooks` topics to the bodies of their calls. `not_emulated` are the
    vendor's other endpoints, such as `GET /v1/orders`. `differences` are those of the dialect `observed`.
    `section` is the part of the file that messages name. Raise InvalidFile if the mock cannot serve the spec.
    """

    def __init__(
        self,
        name: str,
        file: PathOfFile | None = None,
        document: dict[str, Any] | None = None,
        section: str = "",
    ) -> None:
        self.name, self.file = name, file or spec_file(name)
        self.document = document or read(self.file)
        try:
            self._compile()
        except Exception as error:  # the file may contain anything, so any exception is possible
            raise InvalidFile(f"{self.file}: {section}{reason(error)}") from None

    def _compile(self) -> None:
        version = self.document.get("openapi")
        if not str(version).startswith("3.0."):
            raise ValueError(f"OpenAPI 3.0 is needed, not {version}: begin the file with openapi: 3.0.3")
        references = References(self.document)
        self.differences = read_differences(self.document)
        self.title: str = self.document["info"]["title"]
        self.not_emulated: tuple[str, ...] = tuple(self.document.get("x-not-emulated", ()))
        self._not_emulated = frozenset(map(_endpoint, self.not_emulated))
        self.paths = tuple(
            _path(template, item, references, self._not_emulated)
            for template, item in self.document["paths"].items()
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
        self.webhooks = {}
        for topic, item in self.document.get("x-webhook-topics", {}).items():
            with at(f"x-webhook-topics {topic}"):
                self.webhooks[topic] = Webhook(
                    references.schema(item["schema"]), item["x-evidence"], item["x-source"]
                )
        self.servers = tuple(_server(server) for server in self.document["servers"])
        self.default_host = self.servers[0][1]  # used if the Host header is not a vendor's
        self.host_names = tuple(
            name for server in self.document["servers"] for name in _names(_host(server["url"]))
        )

    @cached_property
    def observed(self) -> "Spec":
        """The spec of the dialect `observed`, or the spec itself if nothing differs.

        Raise InvalidFile if the changed document cannot be served, or has other paths or operations.
        """
        if not self.differences:
            return self
        section = "x-dialects observed: "
        spec = Spec(self.name, self.file, changed_document(self.document, self.differences), section)
        if spec._endpoints() != self._endpoints():
            text = "a change adds or removes a path or an operation: both dialects must have the same"
            raise InvalidFile(f"{self.file}: {section}{text}")
        return spec

    def _endpoints(self) -> list[tuple[str, str, str]]:
        return [
            (path.template, method, op.id) for path in self.paths for method, op in path.operations.items()
        ]

    @cached_property
    def read_on(self) -> dict[str, str]:
        """The day on which the sources of each scope were last read, such as `page`. Empty if not stated."""
        info = self.document["info"]
        days = {"page": info.get("x-read"), "neighbour": info.get("x-read-neighbours")}
        scopes = {operation.scope for operation in self.operations.values()}
        return {scope: str(day) for scope, day in days.items() if day and scope in scopes}

    def of_scope(self, scope: str) -> list[Operation]:
        """Return the operations with this scope, in the order of the spec."""
        return [operation for operation in self.operations.values() if operation.scope == scope]

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links of all operations."""
        return tuple(links_of(self.document))

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
        wanted, segments = "GET" if method == "HEAD" else method, tuple(path.rstrip("/").split("/")[1:])
        return any(_matches(endpoint, wanted, segments) for endpoint in self._not_emulated)

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


def spec_in(name: str, file: PathOfFile) -> Spec:
    """Return the spec in a file, which is the same one until the file changes. Raise InvalidFile.

    To compile all specs takes most of the time to build a server, and a suite of tests may build hundreds.
    """
    return _compiled(name, file, content_of(file))


@lru_cache(KEPT_SPECS)
def _compiled(name: str, file: PathOfFile, content: bytes) -> Spec:
    return Spec(name, file, parse(file, content))


def _path(
    template: str, item: dict[str, Any], references: References, not_emulated: frozenset[Endpoint]
) -> Path:
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
    slash_may_follow = item.get("x-slash-may-follow", False)
    others = frozenset(one for one in not_emulated if _has_word_for_variable(one[1], pattern))
    return Path(template, tuple(pattern), may_be_empty, operations, slash_may_follow, others)


def _has_word_for_variable(segments: tuple[str, ...], pattern: list[str]) -> bool:
    """Return True if the segments of an endpoint are those of a pattern, with a word for a variable of it."""
    if len(segments) != len(pattern):
        return False
    words = [one for one, part in zip(segments, pattern, strict=True) if part.startswith("{")]
    fixed_parts_agree = all(
        one in (part, "{}") for one, part in zip(segments, pattern, strict=True) if not part.startswith("{")
    )
    return fixed_parts_agree and any(word != "{}" for word in words)


def _matches(endpoint: Endpoint, method: str, segments: tuple[str, ...]) -> bool:
    wanted, pattern = endpoint
    return (
        method == wanted
        and len(pattern) == len(segments)
        and all(part in (text, "{}") for part, text in zip(pattern, segments, strict=True))
    )


def _endpoint(text: str) -> Endpoint:
    """Return the method and the segments of an endpoint such as `GET /a/{id}`, with `{}` for `{id}`."""
    method, _, template = text.partition(" ")
    segments = template.rstrip("/").split("/")[1:]
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
