"""Logs: what keeps the sandboxes of one or more servers, turn by turn."""
