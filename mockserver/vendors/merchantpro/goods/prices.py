"""MerchantPro's prices: pairs of a net and a gross price that follow each other by the VAT rate.

A gross price is kept to the cent, and a net price to four decimals, as live answers have them.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mockserver.vendor_api import Problem

CENT, NET_UNIT = Decimal("0.01"), Decimal("0.0001")
PriceForm = Callable[[Decimal | int], Decimal]  # how answers show a kept price: `cents` or `plain`
PRICE_PAIRS = (("price_net", "price_gross"), ("old_price_net", "old_price_gross"))
PRICES = tuple(name for pair in PRICE_PAIRS for name in pair)
COSTS = ("cost_net", "cost_gross")
MONEY = frozenset((*PRICES, *COSTS))
# The rates of Romania, by the ids that the mock gives them. Each shop has a list of its own.
RATES = dict(enumerate(map(Decimal, ("0.19", "0.09", "0.05", "0.00", "0.21", "0.11")), 1))
TAX_IDS = {rate: tax_id for tax_id, rate in RATES.items()}


def price_pair(factor: Decimal, change: Mapping[str, Any], net: str, gross: str) -> dict[str, Decimal]:
    """Return net and gross price. If `change` has only one, compute the other. If it has both, check them."""
    if gross not in change:
        kept = kept_net(change[net])
        return {net: kept, gross: cents(kept * factor)}
    total = cents(change[gross])
    computed = kept_net(total / factor)
    if net not in change:
        return {net: computed, gross: total}
    kept = kept_net(change[net])
    if cents(kept) != cents(computed) and total != cents(kept * factor):
        raise invalid(gross, f"does not agree with {net}")
    return {net: kept, gross: total}


def cents(amount: Decimal | int) -> Decimal:
    """Return the amount, rounded half up to two decimal places, and never as minus zero."""
    if type(amount) is not Decimal:
        amount = Decimal(amount)
    if not amount.same_quantum(CENT):
        amount = amount.quantize(CENT, ROUND_HALF_UP)
    return abs(amount) if amount.is_signed() else amount


def kept_net(amount: Decimal | int) -> Decimal:
    """Return a net price as it is kept: rounded half up to four decimal places, with two at least."""
    rounded = cents(amount)
    if rounded is amount:
        return rounded
    exact = Decimal(amount).quantize(NET_UNIT, ROUND_HALF_UP)
    return rounded if exact == rounded else exact


def plain(amount: Decimal | int) -> Decimal:
    """Return the amount with up to four decimal places, without zeros at their end: 16499, not 16499.00."""
    shown = kept_net(amount).normalize()
    return shown.quantize(Decimal(1)) if shown.as_tuple().exponent > 0 else shown  # type: ignore[operator]


def rounded(fields: Mapping[str, Any], price: PriceForm) -> dict[str, Any]:
    """Return the fields that a client has sent, with its prices rounded as it will see them."""
    return {
        name: price(value) if name in MONEY and value is not None else value for name, value in fields.items()
    }


def invalid(field: str, text: str) -> Problem:
    """Return the refusal of one field of a request."""
    return Problem("invalid", fields={field: text})


def percent(vat: Decimal | int) -> Decimal:
    """Return a VAT rate as a percentage: 19.00 for 0.19."""
    return cents(vat * 100)
