"""The type of an option that is a number of bytes, such as `256MB`."""

import re
from typing import Any

import click

SIZE = re.compile(r"([0-9]{1,15})\s*(?:([kmg]?)(i?)b)?", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


class ByteSize(click.ParamType):  # type: ignore[type-arg]  # older versions of click take no argument
    """A number of bytes: with a unit such as MB (1000 KB) or MiB (1024 KiB), or without one."""

    name = "size"

    def __init__(self, minimum: int) -> None:
        self._minimum = minimum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not (size := SIZE.fullmatch(value.strip())):
            self.fail(f"{value!r} is not a size, such as 256MB or 1GiB", param, ctx)
        number, unit, binary = size.groups()
        amount: int = int(number) * (1024 if binary else 1000) ** POWERS[(unit or "").lower()]
        if amount < self._minimum:
            self.fail(f"{value!r} is too small: the least is {self._minimum:,} bytes", param, ctx)
        return amount
