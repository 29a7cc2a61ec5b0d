"""Sandboxes in the control API: made, saved and restored, exported and imported."""
