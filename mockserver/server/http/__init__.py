"""HTTP as it is on the wire."""
