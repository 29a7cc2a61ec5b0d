"""The products of a sandbox, with what each is called at each vendor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urlencode

from mockserver.client.transport import ControlApi

PAGE_SIZE = 100


class HasBaseUrl(Protocol):
    """The access to a vendor."""

    @property
    def base_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A product at one vendor: its record, and its `ids` with the vendor's names for them.

    `url` is the URL of a GET request that reads it, with `path` as its path and query.
    """

    collection: str
    key: str
    ids: Mapping[str, Any]
    path: str
    url: str


@dataclass(frozen=True, slots=True)
class Product:
    """One sellable item. `vendors` has only the vendors that have it."""

    sku: str | None
    name: str | None
    ean: str | None
    vendors: Mapping[str, Listing]


@dataclass(frozen=True, slots=True)
class Shown:
    """The values that a vendor shows of a product: its SKU, its stock at all locations, its price with tax.

    What the vendor does not show is None. `prices` has every price that it shows: more than one if they
    differ by location. `item` identifies the product in its record, as a variant's id does.
    """

    collection: str
    key: str
    item: str
    sku: str | None
    stock: float | None
    price: float | None
    prices: tuple[float, ...]

    @classmethod
    def of(cls, cell: Mapping[str, Any]) -> Self:
        """Make a Shown from the control API's JSON."""
        one = () if cell["price"] is None else (cell["price"],)
        return cls(**{**cell, "prices": tuple(cell.get("prices", one))})


@dataclass(frozen=True, slots=True)
class ComparedProduct:
    """One sellable item, and what each vendor that has it shows of it.

    `differs` says what the vendors do not agree about: `missing`, `sku`, `stock`, `price`. It is empty if
    they agree. `missing` are the vendors that had the product and have deleted it.
    """

    sku: str | None
    name: str | None
    differs: tuple[str, ...]
    missing: tuple[str, ...]
    vendors: Mapping[str, Shown]

    @classmethod
    def of(cls, product: Mapping[str, Any]) -> Self:
        """Make a ComparedProduct from the control API's JSON."""
        vendors = {vendor: Shown.of(cell) for vendor, cell in product["vendors"].items()}
        differs, missing = tuple(product["differs"]), tuple(product["missing"])
        return cls(product["sku"], product["name"], differs, missing, vendors)


def pages_of(request: ControlApi, path: str, filters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield all products of a list, page by page. Filters that are None are left out."""
    wanted = {**filters, "limit": PAGE_SIZE, "after": None}
    while True:
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        page = request("GET", f"{path}?{query}")
        yield from page["products"]
        wanted["after"] = page["next"]
        if page["next"] is None:
            return


class Products(int):
    """The number of sellable items with which a sandbox began. Iterate over it, or call it, to get products.

    `sandbox.products(sku="LAMP-1")` yields the products with exactly this SKU. `q` is a text in the SKU or
    name, or an EAN, or an id at a vendor.
    """

    _request: ControlApi
    _path: str
    _vendors: Mapping[str, HasBaseUrl]

    @classmethod
    def of(cls, number: int, request: ControlApi, path: str, vendors: Mapping[str, HasBaseUrl]) -> Self:
        products = cls(number)
        products._request, products._path, products._vendors = request, path, vendors
        return products

    def __iter__(self) -> Iterator[Product]:
        return self()

    def __call__(self, *, sku: str | None = None, q: str | None = None) -> Iterator[Product]:
        return map(self._product, pages_of(self._request, self._path, {"sku": sku, "q": q}))

    def _product(self, product: Mapping[str, Any]) -> Product:
        vendors = {
            vendor: Listing(
                one["collection"], one["key"], one["ids"], one["path"],
                self._vendors[vendor].base_url + one["path"],
            )
            for vendor, one in product["vendors"].items()
        }  # fmt: skip
        return Product(product["sku"], product["name"], product["ean"], vendors)
