"""A log in Redis or Valkey, for servers on several machines."""
