"""Dialects: whether a vendor answers as its page says, or as the live vendor was seen to answer."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mockserver.vendor_api.words import alternatives

Dialect = Literal["documented", "observed"]
NAMES: tuple[Dialect, ...] = get_args(Dialect)
MAX_TEXT = 1000  # characters
RULE = "use documented or observed, or name vendors: VENDOR=observed,…"


class InvalidDialects(ValueError):
    """Raised for a text that does not choose dialects. The message is one line."""


class AnyVendor(Collection[str]):
    """Stands for vendors that are not known yet: every name is one of them."""

    def __contains__(self, name: object) -> bool:
        return bool(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True)
class Dialects:
    """The dialect of each vendor in a sandbox. `by_vendor` has the vendors that differ from `default`.

    `str` returns the text from which `parse_dialects` makes the same dialects again.
    """

    default: Dialect = "documented"
    by_vendor: Mapping[str, Dialect] = field(default_factory=dict)

    def of(self, vendor: str) -> Dialect:
        return self.by_vendor.get(vendor, self.default)

    def __str__(self) -> str:
        named = [f"{vendor}={dialect}" for vendor, dialect in self.by_vendor.items()]
        return ",".join(named if named and self.default == "documented" else [self.default, *named])


# Sandboxes in which all vendors speak `documented` have this very object: see `Pipeline.open`.
DOCUMENTED = Dialects()


def parse_dialects(text: Any, vendors: Collection[str]) -> Dialects:
    """Return the dialects in a text such as `observed` or `one=observed,another=documented`.

    A dialect without a vendor is that of all vendors which are not named. Raise InvalidDialects if the text
    names a dialect that does not exist, a vendor that is not one of `vendors`, or the same vendor twice.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        raise InvalidDialects(f"the dialect is not given: {RULE}")
    chosen: dict[str, Dialect] = {}
    for part in map(str.strip, text.split(",")):
        if not part:
            raise InvalidDialects(f"{text.strip()[:50]!r} has an empty part: {RULE}")
        vendor, name = _vendor_and_dialect(part, vendors)
        if vendor in chosen:
            raise InvalidDialects(
                f"the dialect of {vendor or 'all vendors'} is given twice: leave out one of them"
            )
        chosen[vendor] = name
    default = chosen.pop("", "documented")
    differing = {vendor: chosen[vendor] for vendor in sorted(chosen) if chosen[vendor] != default}
    found = Dialects(default, differing)
    return DOCUMENTED if found == DOCUMENTED else found


def _vendor_and_dialect(part: str, vendors: Collection[str]) -> tuple[str, Dialect]:
    """Return the vendor, empty for all, and the dialect in a part of a text. Raise InvalidDialects."""
    before, equals, after = part.partition("=")
    vendor, name = (before.strip(), after.strip()) if equals else ("", part)
    if equals and not vendor:
        raise InvalidDialects(f"{part[:50]!r} names no vendor: {RULE}")
    if vendor and vendor not in vendors:
        raise InvalidDialects(f"there is no vendor {vendor[:50]!r}{alternatives(vendor, list(vendors))}")
    for dialect in NAMES:
        if name == dialect:
            return vendor, dialect
    rule = f"use {vendor}=documented or {vendor}=observed" if vendor else RULE
    if not name:
        raise InvalidDialects(f"{part[:50]!r} names no dialect: {rule}")
    raise InvalidDialects(f"there is no dialect {name[:50]!r}: {rule}")
