"""HTTP: requests and responses on the wire."""
