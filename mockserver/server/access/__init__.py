"""Access: which sandbox a call opens at a vendor, and who may use the control API."""
