"""Faker with a copy of its word lists, so that a seed gives the same words with every version of Faker.

New versions of Faker rename, add and remove words, and one more word changes everything that is drawn after
it. So the installed Faker only draws; the words come from the copy, `fixtures/faker_words.json`.
"""

import msgspec
from faker import Generator
from faker.providers import BaseProvider

from mockserver.data.resources import faker_words_file

Words = tuple[str, ...]


class FakerWords(msgspec.Struct, frozen=True):
    """Faker's word lists, copied once. A phrase has one word of each list in `catch_phrase_words`."""

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
    """Has the methods of Faker's own providers, but draws from the copied words."""

    faker_words = msgspec.json.decode(faker_words_file().read_bytes(), type=FakerWords)

    def last_name(self) -> str:
        return self.random_element(self.faker_words.last_names)

    def first_name(self) -> str:
        return self.random_element(self.faker_words.first_names)

    def safe_color_name(self) -> str:
        return self.random_element(self.faker_words.safe_colors)

    def catch_phrase(self) -> str:
        return " ".join(self.random_element(words) for words in self.faker_words.catch_phrase_words)

    def city(self) -> str:
        city_format: str = self.random_element(self.faker_words.city_formats)
        city: str = self.generator.parse(city_format)
        return city

    def city_prefix(self) -> str:
        return self.random_element(self.faker_words.city_prefixes)

    def city_suffix(self) -> str:
        return self.random_element(self.faker_words.city_suffixes)

    def state(self) -> str:
        return self.random_element(self.faker_words.states)

    def image_url(self, width: int, height: int) -> str:
        url: str = self.random_element(self.faker_words.image_placeholder_services)
        return url.format(width=width, height=height)


def seeded_provider(seed: int) -> WordProvider:
    """Return a provider whose draws depend on nothing but the seed."""
    generator = Generator()
    generator.seed_instance(seed)
    provider = WordProvider(generator)
    generator.add_provider(provider)  # city_formats names its methods
    return provider
