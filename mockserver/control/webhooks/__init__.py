"""Webhooks in the control API: registered, listed, and called in the background."""
