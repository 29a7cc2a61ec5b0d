"""The emulated vendors, one module each: `ls` here is the list."""
