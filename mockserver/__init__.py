"""Exact stand-ins for the inventory APIs of five vendors."""
