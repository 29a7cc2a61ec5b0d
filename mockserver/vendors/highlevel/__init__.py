"""HighLevel (LeadConnector, resold as Leadway): `vendor` is its definition."""

from mockserver.vendors.highlevel.definition import vendor

__all__ = ["vendor"]
