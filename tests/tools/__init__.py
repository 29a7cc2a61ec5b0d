"""Other people's tools, run on the specs and on a server: `make conform`."""
