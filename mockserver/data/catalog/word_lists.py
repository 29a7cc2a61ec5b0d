"""Word lists: the names, colors, cities and so on that Faker generates for a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from mockserver.data.catalog.products import Location
from mockserver.data.resources import word_lists_file

MAX_CACHED_SEEDS = 16


@dataclass(frozen=True)
class WordLists:
    """The words used in the catalog for one seed.

    `cities` holds pairs of city and state. `ean_prefix` is the first three digits of every EAN. `machines`
    holds two texts of 10 hexadecimal digits: one is in every ObjectId of a product, the other in every
    ObjectId of a variant.
    """

    seed: int
    brands: tuple[str, ...]
    colors: tuple[str, ...]
    phrases: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    images: tuple[str, ...]
    locations: tuple[Location, ...]
    ean_prefix: str
    machines: tuple[str, str]


@lru_cache(MAX_CACHED_SEEDS)
def word_lists(seed: int) -> WordLists:
    """Return the word lists for a seed.

    The lists for the default seed are read from a file in the package, because importing Faker is slow.
    """
    return shipped_word_lists() if shipped_word_lists().seed == seed else draw_word_lists(seed)


@lru_cache(1)
def shipped_word_lists() -> WordLists:
    """Read the word lists for the default seed from the file in the package."""
    return msgspec.json.decode(word_lists_file().read_bytes(), type=WordLists)


def draw_word_lists(seed: int) -> WordLists:
    """Generate the word lists for a seed with Faker."""
    from mockserver.data.catalog.word_provider import seeded_provider  # imported late, because Faker is slow

    fake = seeded_provider(seed)

    def distinct(count: int, make: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(make() for _ in range(count)))

    return WordLists(
        seed=seed,
        brands=distinct(60, fake.last_name),
        colors=distinct(40, lambda: fake.safe_color_name().title()),
        phrases=distinct(120, fake.catch_phrase),
        cities=distinct(60, lambda: (fake.city(), fake.state())),
        images=distinct(40, lambda: fake.image_url(width=400, height=400)),
        locations=tuple(
            Location(number, fake.random_int(2**58, 2**60), f"{fake.city()} warehouse")
            for number in range(1, 4)
        ),
        ean_prefix=fake.numerify("2##"),
        machines=(fake.hexify("^" * 10), fake.hexify("^" * 10)),
    )
