"""The goods that every vendor sells: products and variants made from a seed."""
