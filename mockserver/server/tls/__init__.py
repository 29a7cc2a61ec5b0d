"""TLS: the user's own certificate authority, and what a server needs to speak TLS."""
