"""Compiles OpenAPI documents into objects that check requests and responses."""
