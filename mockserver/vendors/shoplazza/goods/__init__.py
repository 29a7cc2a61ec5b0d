"""The goods of a shop: their records, the product that they make up, and its ids and times."""
