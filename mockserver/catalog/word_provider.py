"""Faker with words of our own, so that a seed gives the same words under every version of Faker.

Faker renames, adds and removes words in any release, and one word more changes all that is drawn after it. So
only the drawing is the installed Faker's: its lists, copied once, are in `fixtures/vocabulary.json`.
"""

import msgspec
from faker import Generator
from faker.providers import BaseProvider

from mockserver.resources import vocabulary_file

Words = tuple[str, ...]


class Vocabulary(msgspec.Struct, frozen=True):
    """The lists to draw from. A phrase has one word of each list in `catch_phrase_words`."""

    last_names: Words
    first_names: Words
    safe_colors: Words
    catch_phrase_words: tuple[Words, ...]
    city_formats: Words
    city_prefixes: Words
    city_suffixes: Words
    states: Words
    image_placeholder_services: Words


class WordProvider(BaseProvider):
    """Faker's methods of these names, with the words of a `Vocabulary`."""

    vocabulary = msgspec.json.decode(vocabulary_file().read_bytes(), type=Vocabulary)

    def last_name(self) -> str:
        return self.random_element(self.vocabulary.last_names)

    def first_name(self) -> str:
        return self.random_element(self.vocabulary.first_names)

    def safe_color_name(self) -> str:
        return self.random_element(self.vocabulary.safe_colors)

    def catch_phrase(self) -> str:
        return " ".join(self.random_element(words) for words in self.vocabulary.catch_phrase_words)

    def city(self) -> str:
        city_format: str = self.random_element(self.vocabulary.city_formats)
        city: str = self.generator.parse(city_format)
        return city

    def city_prefix(self) -> str:
        return self.random_element(self.vocabulary.city_prefixes)

    def city_suffix(self) -> str:
        return self.random_element(self.vocabulary.city_suffixes)

    def state(self) -> str:
        return self.random_element(self.vocabulary.states)

    def image_url(self, width: int, height: int) -> str:
        url: str = self.random_element(self.vocabulary.image_placeholder_services)
        return url.format(width=width, height=height)


def seeded_provider(seed: int) -> WordProvider:
    """Return a provider whose draws depend on nothing but the seed."""
    generator = Generator()
    generator.seed_instance(seed)
    provider = WordProvider(generator)
    generator.add_provider(provider)  # city_formats names its methods
    return provider
