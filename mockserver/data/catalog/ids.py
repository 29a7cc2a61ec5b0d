"""Ids of generated products and variants. They are computed from a number, and decoded without a table.

A function `number_of_…` decodes an id to the number that it was computed from. It also decodes ids that no
product or variant has. So the caller must check that the number exists, and that its id is the decoded id.
"""

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from mockserver.data.catalog.products import EAN_FORMAT, SKU_SUFFIX

EAN_STEP = 387_420_489  # coprime to 10**9, so EANs can be decoded; EANs of consecutive numbers are far apart
BILLION = 10**9
# The check digit of an EAN-13 is computed from a weighted sum of its digits, with weights 1, 3, 1, 3, …
# The sum is made from groups of three digits. ONES holds the sum of each possible group for the weights
# 1, 3, 1. THREES holds it for the weights 3, 1, 3.
ONES = [n // 100 + n // 10 % 10 * 3 + n % 10 for n in range(1000)]
THREES = [n // 100 * 3 + n // 10 % 10 + n % 10 * 3 for n in range(1000)]


@dataclass(frozen=True)
class SeededIds:
    """Makes the ids of products and variants for one seed. `ean_prefix` has three digits."""

    key: bytes
    ean_prefix: str
    _prefix_value: int = field(init=False, repr=False)
    _prefix_weight: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_prefix_value", int(self.ean_prefix) * BILLION * 10)
        object.__setattr__(self, "_prefix_weight", ONES[int(self.ean_prefix)])

    def sku(self, stem: str, number: int) -> str:
        """Return the stem followed by `number` + 1, padded with zeros to at least four digits."""
        return stem + SKU_SUFFIX % (number + 1)

    def ean(self, number: int) -> str:
        return EAN_FORMAT % self.ean_number(number)

    def ean_number(self, number: int) -> int:
        """Return the EAN-13 of a variant as an int, check digit included."""
        mixed = (number * EAN_STEP + 1) % BILLION
        weight = self._prefix_weight + THREES[mixed // 1_000_000] + ONES[mixed // 1000 % 1000]
        return self._prefix_value + mixed * 10 + -(weight + THREES[mixed % 1000]) % 10

    def uuid(self, kind: str, number: int) -> str:
        """Return a version 4 UUID.

        Its upper half is a hash of the number. Its lower half is the number, XORed with a mask.
        """
        upper = int.from_bytes(self.hash(kind, number)[:8]) & ~0xF000 | 0x4000
        return str(UUID(int=upper << 64 | 0b10 << 62 | self._mask(kind, upper) ^ number))

    def hash(self, kind: str, number: int) -> bytes:
        """Return 32 bytes that depend only on seed, kind and number."""
        return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=32, key=self.key).digest()

    def number_of_uuid(self, kind: str, uuid: str) -> int | None:
        """Return the number that this UUID can be computed from, or None if `uuid` is not a UUID."""
        try:
            value = UUID(uuid).int
        except ValueError:
            return None
        return value % (1 << 62) ^ self._mask(kind, value >> 64)

    def _mask(self, kind: str, upper: int) -> int:
        return int.from_bytes(self.hash(f"{kind} mask", upper)[:8]) >> 2


def number_of_sku(sku: str) -> int | None:
    """Return the number of the only variant that can have this SKU.

    Return None if the SKU does not end with a number.
    """
    digits = sku[len(sku.rstrip("0123456789")) :]
    if not sku.isprintable() or not 0 < len(digits) <= 9 or not digits.isascii():
        return None
    return int(digits) - 1


def number_of_ean(ean: str) -> int | None:
    """Return the number of the only variant that can have this EAN.

    Return None if the EAN does not have 13 digits.
    """
    if len(ean) != 13 or not (ean.isascii() and ean.isdigit()):
        return None
    return (int(ean[3:12]) - 1) * pow(EAN_STEP, -1, BILLION) % BILLION


def number_of_object_id(object_id: str) -> int | None:
    """Return the number of the only product or variant that can have this ObjectId.

    Return None unless `object_id` has 24 characters and the last six are hexadecimal digits.
    """
    if len(object_id) != 24 or not object_id[18:].isalnum():
        return None
    try:
        return int(object_id[18:], 16)
    except ValueError:
        return None
