"""A server's copies of the sandboxes that a log keeps."""
