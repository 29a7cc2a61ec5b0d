"""mockserver in other Python programs: a server, a vendor as an application, interception, pytest, hooks."""
