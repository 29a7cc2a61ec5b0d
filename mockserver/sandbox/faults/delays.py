"""Delays: how long a response is held back."""

from collections.abc import Callable
from math import exp
from typing import Annotated

from msgspec import Meta, Struct

from mockserver.sandbox.faults.fault import MAX_SECONDS

Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
RESOLUTION = 2**53


class Fixed(Struct, frozen=True, tag_field="type", tag="fixed"):
    """Always so many seconds."""

    seconds: Seconds

    def draw(self, chance: float) -> float:
        return self.seconds


class Uniform(Struct, frozen=True, tag_field="type", tag="uniform"):
    """Any number of seconds between two, each equally likely."""

    lower: Seconds
    upper: Seconds

    def draw(self, chance: float) -> float:
        return self.lower + chance * (self.upper - self.lower)


class Lognormal(Struct, frozen=True, tag_field="type", tag="lognormal", omit_defaults=True):
    """About `median` seconds, with a long tail that ends at `most` seconds."""

    median: Seconds
    sigma: Annotated[float, Meta(ge=0, le=10)]
    most: Seconds = MAX_SECONDS

    def draw(self, chance: float) -> float:
        from statistics import NormalDist  # late: slow to import, and few delays are drawn like this

        return min(self.median * exp(self.sigma * NormalDist().inv_cdf(chance)), self.most)


Delay = Fixed | Uniform | Lognormal


def chance_of(random_bytes: Callable[[str], bytes], purpose: str) -> float:
    """Return a number between 0 and 1, both excluded, that is a call's own for a purpose."""
    return (int.from_bytes(random_bytes(purpose)[:8]) % (RESOLUTION - 1) + 1) / RESOLUTION
