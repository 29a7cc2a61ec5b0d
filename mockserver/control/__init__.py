"""The control API: one module for each kind of thing it controls."""
