"""The pytest plugin: hooks and fixtures, and modules that are imported once a test needs a server."""
