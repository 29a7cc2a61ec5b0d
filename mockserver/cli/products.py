"""`mockserver products`: which products there are, and what each is called at each vendor."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

from mockserver.cli.options import CommandError, WholeNumber, option, shared

WIDTH = 80
SHOWN_IN_TITLE = ("sku", "ean")


@click.command("products")
@option("--url", help="Ask the server that runs at this URL.  [default: compute them, without a server]")
@option("--admin-token", help="The admin token of that server, if it has one.")
@click.option("--sandbox", default="demo", show_default=True, help="Sandbox of that server.")
@shared.seed
@shared.products
@shared.vendors
@shared.vendors_from
@click.option("--sku", help="Only products with exactly this SKU.")
@click.option(
    "--limit", default=20, show_default=True, type=WholeNumber(1), help="Largest number of products."
)
@click.argument("q", metavar="[TEXT]", required=False)
def command(url: str | None, admin_token: str | None, sandbox: str, seed: int, products: int,
            vendors: tuple[str, ...], vendors_from: Path | None, sku: str | None, limit: int,
            q: str | None) -> None:  # fmt: skip
    """List products and their ids at each vendor.

    TEXT is a part of the SKU or name, or an EAN, or an id at a vendor.
    """
    if url:
        found = _from_server(url, admin_token, sandbox, sku, q)
    else:
        found = _computed(seed, products, vendors, vendors_from, sku, q)
    shown = list(islice(found, limit + 1))
    for product in shown[:limit]:
        click.echo("\n".join(_lines(*product)))
    if not shown:
        click.echo("mockserver: no product matches", err=True)
    elif len(shown) > limit:
        click.echo(f"mockserver: more products match: raise --limit, which is {limit}", err=True)


# sku, name, ean, and the ids by vendor
Row = tuple[str | None, str | None, str | None, Mapping[str, Mapping[str, Any]]]


def _from_server(
    url: str, token: str | None, sandbox: str, sku: str | None, text: str | None
) -> Iterator[Row]:
    from mockserver.client import Client, Refused, Unreachable

    try:
        with Client(url, token=token) as client:
            for one in client.sandbox(sandbox).products(sku=sku, q=text):
                ids = {vendor: listing.ids for vendor, listing in one.vendors.items()}
                yield one.sku, one.name, one.ean, ids
    except (Refused, Unreachable, ValueError) as error:
        raise CommandError(str(error)) from None


def _computed(
    seed: int, products: int, vendors: Iterable[str], vendors_from: Path | None,
    sku: str | None, text: str | None,
) -> Iterator[Row]:  # fmt: skip
    from mockserver import app
    from mockserver.control.products.goods import Goods
    from mockserver.control.products.search import START, Search
    from mockserver.data.resources import InvalidFile

    try:
        mock = app.build(seed, products, vendors, vendors_from=vendors_from)
    except (app.UnknownVendor, InvalidFile) as error:
        raise CommandError(str(error)) from None
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    for good in Search(Goods(mock.sandboxes.get("demo"), contracts), sku, text).after(START):
        yield good.sku, good.name, good.ean, {vendor: item.ids for vendor, (*_, item) in good.names.items()}


def _lines(
    sku: str | None, name: str | None, ean: str | None, ids: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield a title line, and for each vendor a line, or more if its ids are too long for one."""
    yield _cut("  ".join(filter(None, [sku or "(no SKU)", name, ean and f"EAN {ean}"])))
    column = max(map(len, ids)) + 4
    for vendor, fields in ids.items():
        texts = [f"{field} {value}" for field, value in fields.items() if field not in SHOWN_IN_TITLE]
        start = f"  {vendor}".ljust(column)
        line = start + "  ".join(texts)
        if len(line) <= WIDTH:
            yield line
        else:
            yield from (_cut((" " * column if number else start) + text) for number, text in enumerate(texts))


def _cut(line: str) -> str:
    plain = "".join(one if one.isprintable() else "?" for one in line)
    return plain if len(plain) <= WIDTH else f"{plain[: WIDTH - 1]}…"
