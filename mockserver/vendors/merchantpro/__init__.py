"""MerchantPro: `vendor` is its definition."""

from mockserver.vendors.merchantpro.definition import vendor

__all__ = ["vendor"]
