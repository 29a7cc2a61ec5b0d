"""The emulated vendors, one module each."""
