"""Sabi Trace: `vendor` is its definition."""

from mockserver.vendors.sabi.definition import vendor

__all__ = ["vendor"]
