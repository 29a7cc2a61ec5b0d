"""The pages of a public demo: the first page, and what a visitor sees of a sandbox."""
