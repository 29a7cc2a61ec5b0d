"""Options that several commands share: the vendors to use, and the data that they have."""

from typing import Any

import click
from click.types import IntParamType

from mockserver import app
from mockserver.catalog.catalog import MAX_VARIANTS
from mockserver.cli.options import PATH, option, split_list, split_lists
from mockserver.cli.options.byte_size import ByteSize
from mockserver.sandbox.journal.journal import MIN_MEMORY
from mockserver.sandbox.registry import check_data_options
from mockserver.sandbox.world import FIXTURE_ITEMS


class Seed(IntParamType):
    """A whole number from 0."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        seed: int = super().convert(value, param, ctx)
        try:
            check_data_options(seed, app.DEFAULT_PRODUCTS)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return seed


seed = option(
    "--seed",
    default=app.DEFAULT_SEED,
    type=Seed(),
    help="Seed of the generated data: the same seed gives the same data.",
)
products = option(
    "--products",
    default=app.DEFAULT_PRODUCTS,
    type=click.IntRange(FIXTURE_ITEMS, MAX_VARIANTS),
    help="Number of sellable items in the catalog, which all vendors share.",
)
vendors = option(
    "--vendors",
    default="",
    callback=split_list,
    help="Vendors to serve, separated by commas; `mockserver vendors` lists them.  [default: all]",
)
vendors_from = option(
    "--vendors-from",
    type=PATH,
    metavar="DIR",
    help="Folder with vendors of your own: vendors/NAME.py, specs/NAME.yaml, fixtures/NAME.yaml.",
)
redact = option(
    "--redact",
    multiple=True,
    metavar="NAMES",
    callback=split_lists,
    help="More names of headers, parameters and fields whose values are secret, separated by commas.",
)
journal_memory = option(
    "--journal-memory",
    default="256MB",
    type=ByteSize(MIN_MEMORY),
    help="Memory for the calls in all journals together. If they need more, the oldest calls go.",
)
limits = option("--limits", is_flag=True, help="Enforce the vendors' rate limits in every sandbox.")
