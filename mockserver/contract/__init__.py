"""The contract: the OpenAPI specs made executable."""
