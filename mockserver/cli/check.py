"""`mockserver check`: finds what is wrong in the specs, fixtures and modules of vendors."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import click

from mockserver import app
from mockserver.cli.options import CommandError, shared
from mockserver.contract.contract import Contract
from mockserver.contract.fixture_exchanges import FixtureExchange, fixture_exchanges
from mockserver.contract.vendor_check import check_dialects
from mockserver.contract.vendor_files import VendorFiles
from mockserver.data.resources import InvalidFile
from mockserver.sandbox.dialects import Dialect, parse_dialects
from mockserver.sandbox.log.values import KEPT, unkept
from mockserver.server.server import serving
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.failure import description

Exchanges = Mapping[str, FixtureExchange]
NEED_NO_EXCHANGE = {408, 413, 429}  # they need a slow or large request, or rate limits
TIMEOUT = 30  # seconds


@click.command("check")
@shared.vendors
@shared.vendors_from
def command(vendors: tuple[str, ...], vendors_from: Path | None) -> None:
    """Check the files of vendors.

    First make the checks that `serve` makes at start. Then validate the specs with Connexion. Then send
    all requests in the fixture files, and compare the responses with the expected ones. Each error is
    printed in one line. If there are errors, the exit code is 2.
    """
    logging.disable()  # a failing handler is reported in a line of its own
    try:
        mock = app.build(names=vendors, vendors_from=vendors_from)
        mock.check_specs()
        files = VendorFiles(vendors_from)
        for contract in mock.contracts:
            name = contract.vendor.name
            check_dialects(contract, files.module_file(name), files.fixture_file(name))
        exchanges = {
            contract.vendor.name: fixture_exchanges(files.fixture_file(contract.vendor.name))
            for contract in mock.contracts
        }
    except (app.UnknownVendor, InvalidFile) as error:
        raise CommandError(str(error)) from None
    mistakes: list[str] = []
    with serving(mock.application) as url:
        port = urlsplit(url).port
        assert port is not None
        for contract in mock.contracts:
            for one in dict.fromkeys([contract, contract.in_dialect("observed")]):
                mistakes += _mistakes_in_examples(one)
            send = partial(_send, mock, port)
            mistakes += _mistakes(contract, files, exchanges[contract.vendor.name], send)
            mistakes += _mistakes_in_records(files.module_file(contract.vendor.name), contract, mock)
    if mistakes:
        raise CommandError(*(" ".join(mistake.split()) for mistake in mistakes))
    number = sum(map(len, exchanges.values()))
    click.echo(f"checked: {', '.join(exchanges)}, control; {number} exchanges")


def _mistakes(
    contract: Contract, files: VendorFiles, exchanges: Exchanges, send: Callable[..., tuple[int, str]]
) -> Iterator[str]:
    """Yield a line for each mistake that `serve` does not check at start."""
    vendor, spec = contract.vendor, contract.spec
    module, fixtures = files.module_file(vendor.name), files.fixture_file(vendor.name)
    headers = dict(vendor.auth_headers("demo"))
    sample = FixtureExchange("sample", f"GET /{vendor.name}{vendor.sample}", 200, "{}", headers=headers)
    status, body = send(sample, f"check-{vendor.name}")
    if status != 200:
        yield f"{module}: the sample {vendor.sample} must get 200, but gets {status} {body}"
    declared = {*spec.shared_responses, *(one for op in spec.operations.values() for one in op.responses)}
    for missing in sorted(declared - NEED_NO_EXCHANGE - {one.status for one in exchanges.values()}):
        yield f"{fixtures}: no exchange has status {missing}, which {spec.file} declares: add one"
    for number, exchange in enumerate(exchanges.values(), 1):
        sandbox = f"check-{vendor.name}-{number}"
        for earlier in exchange.given:
            send(exchanges[earlier], sandbox, exchange.dialect)
        status, body = send(exchange, sandbox, exchange.dialect)
        if not exchange.accepts(status, body):
            expected = f"{exchange.status} {exchange.response.strip()}"
            yield f"{fixtures}: exchange {exchange.name}: expected {expected}, but got {status} {body}"


def _mistakes_in_records(module: Path, contract: Contract, mock: app.Mock) -> Iterator[str]:
    """Yield a line for each field of a record that an exchange has written and no store can keep."""
    found = dict[str, None]()
    for sandbox in mock.sandboxes:
        for (vendor, collection), overlay in sandbox.state.overlays.items():
            for key, record in overlay.changed.items() if vendor == contract.vendor.name else ():
                for field, kind in unkept(record):
                    found[f"record {key} of {collection} has a {kind} in its field {field}"] = None
    yield from (f"{module}: {one}: a store (--store) keeps only {KEPT}" for one in found)


def _mistakes_in_examples(contract: Contract) -> Iterator[str]:
    """Yield a line for each example that does not fit its schema."""
    for operation in contract.spec.operations.values():
        for response in contract.documented_responses(operation).values():
            for example in response.examples.values():
                try:
                    wrong = response.schema.difference(example) if response.schema else ""
                except re.error as error:  # a pattern that Python does not know
                    wrong = description(error)
                if wrong:
                    place = f"{contract.spec.file}: {operation.id} {response.status}"
                    text = f"{place}: the example does not fit: {wrong}: correct the example, or the schema"
                    yield text if contract.dialect == "documented" else f"{text} (in the dialect observed)"


def _send(
    mock: app.Mock, port: int, exchange: FixtureExchange, sandbox: str, dialect: Dialect = "documented"
) -> tuple[int, str]:
    """Send an exchange's request to a server on this machine; return status and body of the response.

    The sandbox gets the dialect, and so does the default one, which answers calls without an accepted
    credential. The status is 0 if there is no response.
    """
    for name in (sandbox, DEFAULT_SANDBOX):
        mock.sandboxes.get_or_create(name).set_dialects(parse_dialects(dialect, ()))
    body = exchange.body.encode() if exchange.body is not None else None
    sent = {**exchange.headers, "X-Mock-Sandbox": sandbox}
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(exchange.method, exchange.target, body, sent)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError) as error:
        return 0, description(error)
    finally:
        connection.close()
