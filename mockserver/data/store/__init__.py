"""The records of a sandbox: generated from the catalog or read from fixtures, with changes on top."""
