"""Delays: how long the mock waits before it sends a response."""

from collections.abc import Callable
from math import exp
from typing import Annotated

from msgspec import Meta, Struct

from mockserver.sandbox.faults.fault import MAX_SECONDS

Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
RESOLUTION = 2**53


class Fixed(Struct, frozen=True, tag_field="type", tag="fixed"):
    """A delay that is always the same."""

    seconds: Seconds

    def draw(self, chance: float) -> float:
        return self.seconds


class Uniform(Struct, frozen=True, tag_field="type", tag="uniform"):
    """A random delay between `lower` and `upper`, uniformly distributed."""

    lower: Seconds
    upper: Seconds

    def draw(self, chance: float) -> float:
        return self.lower + chance * (self.upper - self.lower)


class Lognormal(Struct, frozen=True, tag_field="type", tag="lognormal", omit_defaults=True):
    """A random delay with a lognormal distribution around `median` seconds, but never above `most`."""

    median: Seconds
    sigma: Annotated[float, Meta(ge=0, le=10)]
    most: Seconds = MAX_SECONDS

    def draw(self, chance: float) -> float:
        from statistics import NormalDist  # imported late, because the import is slow and rarely needed

        return min(self.median * exp(self.sigma * NormalDist().inv_cdf(chance)), self.most)


Delay = Fixed | Uniform | Lognormal


def chance_of(random_bytes: Callable[[str], bytes], purpose: str) -> float:
    """Return a random number greater than 0 and less than 1.

    It is computed from a call's random bytes for a purpose.
    """
    return (int.from_bytes(random_bytes(purpose)[:8]) % (RESOLUTION - 1) + 1) / RESOLUTION
