"""The goods of a shop of MerchantPro: items with stock and prices, and the products that they belong to."""
