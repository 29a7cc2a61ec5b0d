"""Options that make a world: which vendors there are, and what they sell."""

import click

from mockserver import app
from mockserver.catalog.catalog import MAX_VARIANTS
from mockserver.cli.options import option, vendor_list
from mockserver.sandbox.world import FIXTURE_ITEMS

seed = option("--seed", default=app.DEFAULT_SEED, type=int, help="Same seed, same data.")
products = option(
    "--products",
    default=app.DEFAULT_PRODUCTS,
    type=click.IntRange(FIXTURE_ITEMS, MAX_VARIANTS),
    help="Sellable items, in one catalogue for all vendors.",
)
vendors = option(
    "--vendors",
    default="",
    callback=vendor_list,
    help="Vendors to serve, with commas between.  [default: all]",
)
limits = option("--limits", is_flag=True, help="Keep the vendors' rate limits, in every sandbox.")
