"""The benchmark: figures that people take with `make bench`; no test asserts on them with a clock."""
