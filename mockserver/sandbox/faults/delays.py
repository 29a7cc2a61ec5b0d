"""Delays: how long an answer is held back."""

from collections.abc import Callable
from math import exp

from msgspec import Struct

MAX_SECONDS = 60.0


FINEST = 2**53


class Fixed(Struct, frozen=True, tag_field="type", tag="fixed"):
    """Always so many seconds."""

    seconds: float

    def draw(self, chance: float) -> float:
        return self.seconds


class Uniform(Struct, frozen=True, tag_field="type", tag="uniform"):
    """Any number of seconds between two, each as likely as the other."""

    lower: float
    upper: float

    def draw(self, chance: float) -> float:
        return self.lower + chance * (self.upper - self.lower)


class Lognormal(Struct, frozen=True, tag_field="type", tag="lognormal", omit_defaults=True):
    """Mostly about `median` seconds with a long tail, which `most` cuts off."""

    median: float
    sigma: float
    most: float = MAX_SECONDS

    def draw(self, chance: float) -> float:
        from statistics import NormalDist  # late: few delays are drawn like this

        return min(self.median * exp(self.sigma * NormalDist().inv_cdf(chance)), self.most)


Delay = Fixed | Uniform | Lognormal


def chance(random_bytes: Callable[[str], bytes], purpose: str) -> float:
    """A number between 0 and 1, neither included, that is the call's own."""
    return (int.from_bytes(random_bytes(purpose)[:8]) % (FINEST - 1) + 1) / FINEST
