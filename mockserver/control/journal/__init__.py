"""Journal operations of the control API: query, verify, wait for and stream the calls of clients."""
