"""A log in a SQLite file, for the servers of one machine."""
