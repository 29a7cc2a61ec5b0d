"""Tests of the console in a real Chromium: what only a browser can show."""
