"""Identities of generated goods: made from a number, and turned back into it without a table."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from mockserver.catalog.products import EAN_FORMAT, SKU_SUFFIX

EAN_STEP = 387_420_489  # coprime to 10**9: neighbours get distant numbers, and back again
BILLION = 10**9
# Digits of an EAN-13 weigh 1 and 3 in turn; of each number of three digits, what they weigh together.
ONES = [n // 100 + n // 10 % 10 * 3 + n % 10 for n in range(1000)]
THREES = [n // 100 * 3 + n // 10 % 10 + n % 10 * 3 for n in range(1000)]


@dataclass(frozen=True)
class SeededIds:
    """How the goods of one seed are named."""

    key: bytes
    ean_prefix: str

    def sku(self, stem: str, number: int) -> str:
        return stem + SKU_SUFFIX % (number + 1)

    def ean(self, number: int) -> str:
        return EAN_FORMAT % self.ean_number(number)

    def ean_number(self, number: int) -> int:
        mixed = (number * EAN_STEP + 1) % BILLION
        weight = self._prefix_weight + THREES[mixed // 1_000_000] + ONES[mixed // 1000 % 1000]
        return self._prefixed + mixed * 10 + -(weight + THREES[mixed % 1000]) % 10

    @cached_property
    def _prefixed(self) -> int:
        return int(self.ean_prefix) * BILLION * 10

    @cached_property
    def _prefix_weight(self) -> int:
        return ONES[int(self.ean_prefix)]

    def uuid(self, kind: str, number: int) -> str:
        """A version 4 UUID whose lower half hides the number behind a hash of the upper half."""
        upper = int.from_bytes(self.hash(kind, number)[:8]) & ~0xF000 | 0x4000
        return str(UUID(int=upper << 64 | 0b10 << 62 | self._mask(kind, upper) ^ number))

    def hash(self, kind: str, number: int) -> bytes:
        return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=32, key=self.key).digest()

    def number_of_uuid(self, kind: str, uuid: str) -> int | None:
        """The number that may be behind a UUID, or None."""
        try:
            whole = UUID(uuid).int
        except ValueError:
            return None
        return whole % (1 << 62) ^ self._mask(kind, whole >> 64)

    def _mask(self, kind: str, upper: int) -> int:
        return int.from_bytes(self.hash(f"{kind} mask", upper)[:8]) >> 2


def number_of_sku(sku: str) -> int | None:
    """The number that may be behind a SKU, or None."""
    digits = sku[len(sku.rstrip("0123456789")) :]
    if not sku.isprintable() or not 0 < len(digits) <= 9 or not digits.isascii():
        return None
    return int(digits) - 1


def number_of_ean(ean: str) -> int | None:
    """The number that may be behind an EAN-13, or None."""
    if len(ean) != 13 or not (ean.isascii() and ean.isdigit()):
        return None
    return (int(ean[3:12]) - 1) * pow(EAN_STEP, -1, BILLION) % BILLION


def number_of_object_id(object_id: str) -> int | None:
    """The number that may be behind an ObjectId, or None."""
    if len(object_id) != 24 or not object_id[18:].isalnum():
        return None
    try:
        return int(object_id[18:], 16)
    except ValueError:
        return None
