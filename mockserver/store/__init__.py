"""Collections of records, and what was changed in them."""
