"""The pytest plugin. `plugin` has the hooks and fixtures, and imports the rest when a test needs a server."""
