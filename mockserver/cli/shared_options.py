"""Options that several commands share: the vendors to use, and the data that they have."""

import click

from mockserver import app
from mockserver.catalog.catalog import MAX_VARIANTS
from mockserver.cli.options import PATH, option, split_list
from mockserver.sandbox.world import FIXTURE_ITEMS

seed = option(
    "--seed",
    default=app.DEFAULT_SEED,
    type=int,
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
limits = option("--limits", is_flag=True, help="Enforce the vendors' rate limits in every sandbox.")
