"""Shoplazza: `vendor` is its definition."""

from mockserver.vendors.shoplazza.definition import vendor

__all__ = ["vendor"]
