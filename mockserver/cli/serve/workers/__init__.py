"""Workers: several processes that are one server."""
