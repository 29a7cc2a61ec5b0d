"""The pytest plugin: its hooks and fixtures, and what they import only when a test needs a server."""
