"""Recording: the journal entries of calls to the mock, and the bytes that a store keeps of them."""
