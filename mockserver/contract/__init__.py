"""Contracts: the vendors' OpenAPI specs, compiled so that they check calls and responses."""
