"""The public demo in the control API: its operations, and the quotas of all others."""
