"""Makes `fixtures/faker_words.json` from the words of the installed Faker, which changes all generated goods.

Usage: python -m tests.data.catalog.faker_words >fixtures/faker_words.json
"""

import json

from faker.providers.address.en_US import Provider as Address
from faker.providers.color.en_US import Provider as Color
from faker.providers.company.en_US import Provider as Company
from faker.providers.internet.en_US import Provider as Internet
from faker.providers.person.en_US import Provider as Person

LISTS = {
    "last_names": list(Person.last_names),
    "first_names": list(Person.first_names),
    "safe_colors": list(Color.safe_colors),
    "catch_phrase_words": [list(words) for words in Company.catch_phrase_words],
    "city_formats": list(Address.city_formats),
    "city_prefixes": list(Address.city_prefixes),
    "city_suffixes": list(Address.city_suffixes),
    "states": list(Address.states),
    "image_placeholder_services": list(Internet.image_placeholder_services),
}

if __name__ == "__main__":
    print(json.dumps(LISTS, indent=1))
