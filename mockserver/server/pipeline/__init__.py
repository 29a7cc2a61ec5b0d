"""The pipeline: the steps of every call, and what they leave in the journal."""
