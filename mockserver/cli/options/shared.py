"""Options that several commands share: the vendors to use, and the data that they have."""

from typing import Any

import click

from mockserver import app
from mockserver.cli.options import PATH, WholeNumber, option, split_list, split_lists
from mockserver.cli.options.byte_size import ByteSize
from mockserver.data.catalog.catalog import MAX_VARIANTS
from mockserver.sandbox.dialects import NAMES, AnyVendor, InvalidDialects, parse_dialects
from mockserver.sandbox.journal.journal import MIN_MEMORY
from mockserver.sandbox.world import FIXTURE_ITEMS


def complete_vendors(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the values to which the shell can complete a list of vendors."""
    *before, last = incomplete.split(",")
    start = "".join(f"{name}," for name in before)
    return [start + name for name in app.vendor_names() if name.startswith(last) and name not in before]


class DialectText(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions of click
    """A text that chooses dialects. Whether its vendors exist is known later."""

    name = "dialect"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parse_dialects(value, AnyVendor())
        except InvalidDialects as error:
            self.fail(str(error), param, ctx)
        return str(value)


seed = option(
    "--seed",
    default=app.DEFAULT_SEED,
    type=WholeNumber(0),
    help="Seed of the generated data: the same seed gives the same data.",
)
products = option(
    "--products",
    default=app.DEFAULT_PRODUCTS,
    type=WholeNumber(FIXTURE_ITEMS, MAX_VARIANTS),
    help="Number of sellable items in the catalog, which all vendors share.",
)
vendors = option(
    "--vendors",
    default="",
    callback=split_list,
    shell_complete=complete_vendors,
    help="Names of vendors, separated by commas; `mockserver vendors` lists them.  [default: all]",
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
    help="Memory for all journals together; when it is full, the oldest calls are dropped.",
)
dialect = option(
    "--dialect",
    default="documented",
    type=DialectText(),
    shell_complete=lambda ctx, parameter, text: [name for name in NAMES if name.startswith(text)],
    help="Answer as the vendors' pages say (documented), or as the live vendors do (observed); "
    "VENDOR=observed,… for single vendors.",
)
limits = option("--limits", is_flag=True, help="Enforce the vendors' rate limits in every sandbox.")
