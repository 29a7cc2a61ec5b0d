"""Connections: how many there may be, and which of them goes first."""
