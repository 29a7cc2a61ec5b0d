"""Records in the control API: listed, read, changed and put back."""
