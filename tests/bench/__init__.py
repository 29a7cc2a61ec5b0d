"""Figures, taken by hand (`make bench`) and never asserted with a clock."""
