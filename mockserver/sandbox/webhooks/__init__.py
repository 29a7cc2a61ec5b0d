"""Webhooks of a sandbox: the addresses that vendors notify of changes, and the deliveries to them."""
