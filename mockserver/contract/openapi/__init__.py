"""OpenAPI documents, compiled."""
