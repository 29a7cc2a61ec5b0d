"""The catalog: the products and variants that all vendors share, generated from a seed."""
