"""The data: spec and fixture files, the generated catalog, and the records of a collection."""
