"""Pages that decide who sees the others."""
