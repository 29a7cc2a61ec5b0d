"""One tenant's records, clock, faults, limits and journal."""
