"""Contracts: the vendors' OpenAPI specs, compiled into objects that check calls and responses."""
