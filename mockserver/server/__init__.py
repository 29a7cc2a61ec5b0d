"""The server, and the pipeline that every request passes through."""
