"""The server, and the pipeline through which every request goes."""
