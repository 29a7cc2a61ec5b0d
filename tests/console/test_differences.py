"""Differences between two records, field by field."""

import pytest

from mockserver.console.differences import differences
from mockserver.vendor_api.json_text import decode


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('{"a": 1}', '{"a": 1}', []),
        ('{"a": 1}', '{"a": 2}', [("a", "1", "2")]),
        ('{"a": 1.0}', '{"a": 1.00}', [("a", "1.0", "1.00")]),
        ('{"a": 1}', '{"b": null}', [("a", "1", None), ("b", None, "null")]),
        ('{"a": [1, {"b": 2}]}', '{"a": [1, {"b": 3}, 4]}', [("a[1].b", "2", "3"), ("a[2]", None, "4")]),
        ('{"a": {"b": 1}}', '{"a": [1]}', [("a", '{"b":1}', "[1]")]),
        ('{"a": "1"}', '{"a": 1}', [("a", '"1"', "1")]),
    ],
)
def test_each_field_that_differs_is_named(
    before: str, after: str, expected: list[tuple[str, str | None, str | None]]
) -> None:
    assert differences(decode(before), decode(after)) == expected
