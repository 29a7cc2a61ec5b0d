"""The pages about what one sandbox holds: data, faults, clock and limits."""
