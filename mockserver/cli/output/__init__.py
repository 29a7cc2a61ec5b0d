"""Text that the commands write: the log, and lines that nobody may have to wait for."""
