"""Refusals in words, and the edits of a request that mend them."""
