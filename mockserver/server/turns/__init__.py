"""The turns of a server whose sandboxes are kept in a log: each call or change, and the tasks beside them."""
