"""The journal: the calls in a sandbox, with their answers."""
