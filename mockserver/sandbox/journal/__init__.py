"""The journal: what was asked and answered in a sandbox."""
