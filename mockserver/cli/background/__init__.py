"""Servers in the background: how they get there, where their ready files are, and how they are found."""
