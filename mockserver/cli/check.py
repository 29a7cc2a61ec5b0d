"""`mockserver check`: finds errors in the specs, fixtures and modules of vendors."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from mockserver import app
from mockserver.cli import shared_options
from mockserver.cli.options import CommandError
from mockserver.contract.vendor_files import VendorFiles
from mockserver.resources import InvalidFile, read
from mockserver.server.server import serving

ANYTHING = "*"  # in the response of an exchange: matches any string, for values that change in every run


@click.command("check")
@shared_options.vendors
@shared_options.vendors_from
def command(vendors: tuple[str, ...], vendors_from: Path | None) -> None:
    """Check vendors' files as `serve` does at start, then the specs with Connexion, then all exchanges.

    An exchange is a request in a fixture file, with the response that is expected. If there are errors,
    prints one line for each of them, and exits with 2.
    """
    try:
        mock = app.build(names=vendors, vendors_from=vendors_from)
        mock.check_specs()
        files = VendorFiles(vendors_from)
        names = [contract.vendor.name for contract in mock.contracts]
        exchanges = [Exchanges(files.fixture_file(name)) for name in names]
    except (app.UnknownVendor, InvalidFile) as error:
        raise CommandError(str(error)) from None
    if failures := list(_failures(mock, exchanges)):
        raise CommandError("\n".join(failures))
    number = sum(len(one.by_name) for one in exchanges)
    click.echo(f"checked: {', '.join(names)}, control; {number} exchanges")


class Exchanges:
    """The exchanges in a fixture file. Raises InvalidFile if one is malformed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self.by_name = {exchange["name"]: exchange for exchange in read(file).get("exchanges") or ()}
            for exchange in self.by_name.values():
                exchange["request"].split(" ", 1)[1], exchange["status"], parsed(exchange["response"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InvalidFile(
                f"{file}: each exchange needs a name, request, status and response: {error!r}"
            ) from None

    def failures(self, port: int, sandboxes: Iterator[str]) -> Iterator[str]:
        """Send each request to a server on this machine; yield a message for each unexpected response."""
        for name, exchange in self.by_name.items():
            sandbox = next(sandboxes)
            for earlier in exchange.get("given", ()):
                _send(port, self.by_name[earlier], sandbox)
            status, body = _send(port, exchange, sandbox)
            if status != exchange["status"] or not matches(
                parsed(exchange["response"]), _parsed_or_text(body)
            ):
                expected = f"{exchange['status']} {exchange['response'].strip()}"
                yield f'{self._file}: exchange "{name}": expected {expected}, got {status} {body}'


def sandbox_names() -> Iterator[str]:
    """Yield sandbox names, a new one for each exchange."""
    return (f"exchange-{number}" for number in count(1))


def parsed(text: str) -> Any:
    """Parse JSON into values that compare unequal if the order of keys or the digits of a number differ."""
    return json.loads(text, object_pairs_hook=list, parse_float=lambda number: ("number", number))


def matches(expected: Any, got: Any) -> bool:
    """Return True if two results of `parsed` are equal; the string `*` in `expected` matches any string."""
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(map(matches, expected, got))
    return bool(expected == got) or (expected == ANYTHING and isinstance(got, str))


def _parsed_or_text(body: str) -> Any:
    try:
        return parsed(body)
    except ValueError:
        return body


def _send(port: int, exchange: Mapping[str, Any], sandbox: str) -> tuple[int, str]:
    method, target = exchange["request"].split(" ", 1)
    body = exchange.get("body")
    headers = {**exchange.get("headers", {}), "X-Mock-Sandbox": sandbox}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body.encode() if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def _failures(mock: app.Mock, exchanges: list[Exchanges]) -> Iterator[str]:
    names = sandbox_names()
    with serving(mock.application) as url:
        port = urlsplit(url).port
        assert port is not None
        for one in exchanges:
            yield from one.failures(port, names)
