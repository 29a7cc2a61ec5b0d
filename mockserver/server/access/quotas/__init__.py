"""The quotas of the public demo: what a visitor may use, and the refusal of what is more."""
