"""What was asked and answered in a sandbox."""
