"""One tenant of the mock: records, clock, faults, limits and journal."""
