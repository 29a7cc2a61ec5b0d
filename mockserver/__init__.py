"""Exact stand-ins for the inventory APIs of five vendors."""

__version__ = "0.1.0"
