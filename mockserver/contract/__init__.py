"""The OpenAPI specs made executable."""
