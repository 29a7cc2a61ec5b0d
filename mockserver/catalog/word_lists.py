"""Vocabularies: the words that Faker draws for a seed, of which a catalogue is put together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from mockserver.catalog.products import Location
from mockserver.resources import vocabulary_file

KEPT = 16


@dataclass(frozen=True)
class Vocabulary:
    """What Faker drew for a seed."""

    seed: int
    brands: tuple[str, ...]
    colors: tuple[str, ...]
    phrases: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    images: tuple[str, ...]
    locations: tuple[Location, ...]
    ean_prefix: str
    machines: tuple[str, str]


@lru_cache(KEPT)
def vocabulary(seed: int) -> Vocabulary:
    """The vocabulary of a seed. That of the usual one was drawn beforehand, as Faker takes long to import."""
    return drawn() if drawn().seed == seed else draw(seed)


@lru_cache(1)
def drawn() -> Vocabulary:
    """The vocabulary that was drawn beforehand."""
    return msgspec.json.decode(vocabulary_file().read_bytes(), type=Vocabulary)


def draw(seed: int) -> Vocabulary:
    """Draw the vocabulary of a seed."""
    from faker import Faker

    fake = Faker("en_US", use_weighting=False)
    fake.seed_instance(seed)

    def distinct(count: int, make: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(make() for _ in range(count)))

    return Vocabulary(
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
