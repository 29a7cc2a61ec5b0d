"""A vendor's OpenAPI document, compiled."""
