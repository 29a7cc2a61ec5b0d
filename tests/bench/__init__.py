"""The benchmark, which people run with `make bench`. Its tests assert nothing about time."""
