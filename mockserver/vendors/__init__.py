"""The emulated vendors: one module each, or a folder if it has many operations."""
