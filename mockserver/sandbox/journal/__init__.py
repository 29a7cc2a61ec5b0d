"""The journal: a sandbox's calls and their answers."""
