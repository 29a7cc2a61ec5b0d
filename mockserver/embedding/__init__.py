"""A vendor or a whole server as a part of another Python program: `flask_app` and `serve`."""
