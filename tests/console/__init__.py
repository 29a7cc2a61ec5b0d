"""Tests of the console over HTTP. What needs a browser is in tests/browser."""
