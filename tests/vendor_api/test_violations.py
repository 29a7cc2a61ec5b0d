"""Patterns of a spec mean the same to both libraries that validate."""

import re
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft4Validator

from mockserver.vendor_api.violations import with_openapi_patterns

NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (NAME, "a"), (NAME, "a\n"), (NAME, "\n"), (NAME, "a\r\n"), (NAME, "é"), (NAME, ""),
        (r"^\d+$", "12"), (r"^\d+$", "٣"), (r"^\d+$", "12\n"), ("^(a|b$)", "b\n"), ("^(a$|b)", "a\n"),
        (r"^a\$", "a$"), (r"^a\$$", "a$\n"), (r"^\w$", "ä"), ("^[$]", "$"), ("a", "ba\n"), ("^x", 5),
    ],
)  # fmt: skip
def test_pattern_accepts_the_same_texts_in_both_libraries(pattern: str, text: Any) -> None:
    schema = {"pattern": pattern}
    fast = jsonschema_rs.Draft4Validator(schema).is_valid(text)
    assert with_openapi_patterns(Draft4Validator)(schema).is_valid(text) == fast
    if text == "a\n":
        assert re.search(pattern, text), "Python's own meaning of $ differs"
