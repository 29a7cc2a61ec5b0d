"""Options that `serve` and `exec` share: which vendors to serve, and what data they have."""

import click

from mockserver import app
from mockserver.catalog.catalog import MAX_VARIANTS
from mockserver.cli.options import option, split_list
from mockserver.sandbox.world import OWN

seed = option(
    "--seed",
    default=app.DEFAULT_SEED,
    type=int,
    help="Seed of the generated data: the same seed gives the same data.",
)
products = option(
    "--products",
    default=app.DEFAULT_PRODUCTS,
    type=click.IntRange(OWN, MAX_VARIANTS),
    help="Number of sellable items in the catalog, which all vendors share.",
)
vendors = option(
    "--vendors",
    default="",
    callback=split_list,
    help="Vendors to serve, separated by commas; `mockserver vendors` lists them.  [default: all]",
)
limits = option("--limits", is_flag=True, help="Enforce the vendors' rate limits in every sandbox.")
