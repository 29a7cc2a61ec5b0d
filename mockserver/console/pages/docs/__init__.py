"""The documentation of operations, made from specs and fixture files, and the calls that try them."""
