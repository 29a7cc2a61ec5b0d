"""Parts that are damaged are refused by one exception, whatever is in them."""

import pytest

from mockserver.sandbox.log.parts import PartsDamaged, apply
from tests.sandbox.parts.followed import Followed
from tests.sandbox.parts.steps import STEPS
from tests.sandbox.parts.test_parts import KINDS, kind_of, new_sandbox


@pytest.fixture(scope="module")
def rich() -> dict[str, bytes]:
    """Return the parts of a sandbox that has some of every kind."""
    followed = Followed(*new_sandbox())
    story = [("put", 3), ("put", 4), ("snapshot", 1), ("start_from", 0)]
    story += [(step, number) for step in ("put", "add", "delete") for number in range(12)]
    story += [
        ("show_stale", 1), ("set_faults", 7), ("count_faults", 0), ("set_limits", 1), ("count_call", 0),
        ("set_clock", 0), ("set_dialects", 1), ("read", 0), ("register_webhook", 0), ("change_properties", 3),
        ("keep_delivery", 1),
    ]  # fmt: skip
    for name, number in story:
        followed.after(lambda name=name, number=number: STEPS[name](followed.sandbox, number))  # type: ignore[misc]
    kinds = {kind_of(name, part) for name, part in followed.parts.items()}
    single = ["about", "calls", "clock", "limits", "rules", "counts", "stale", "state", "initial", "webhooks"]
    assert kinds >= {*KINDS, *single}
    return followed.parts


JUNK = [
    b"", b"\xff\xfe", b"{", b"[", b'"', b"null", b"true", b"-1", b"1e400", b'"x"', b"[]", b"{}", b"[[]]",
    b"[{}]", b"[null]", b'["x"]', b'["",0,[1,0,0]]', b'["nowhere",0,[]]', b'{"type":"x"}',
    b'[{"fault":{"type":"x"}}]', b'{"\\u0000":["float","x"]}',
    b'{"\\u0000":["Decimal","x"]}', b'{"\\u0000":["dict",[[[],1]]]}', b'{"\\u0000":["dict",[1]]}',
    b'{"offset":99999999999999999999999}',
    b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000,
]  # fmt: skip


def test_damaged_part_is_said_to_be_damaged_or_is_another_value(rich: dict[str, bytes]) -> None:
    """No other exception comes out, whatever is in a part."""
    refused = 0
    for name, part in rich.items():
        for damaged in (*JUNK, part[:-1], part[1:], part[: len(part) // 2], part + b"x", part * 2):
            refused += is_refused({**rich, name: damaged})
    assert refused > 20 * len(rich)


@pytest.mark.parametrize(
    "name",
    [
        "", "x", "x/y", "frozen", "changes", "changes/record", "changes/record/a", "changes/deleted/a/b/x",
        "changes/added/a/b/", "changes/alias/a/b/c", "changes/x/a/b/c", "changes/next/a/b", "usage/x",
        "usage/[1]", 'usage/{"a":1}',
    ],
)  # fmt: skip
def test_part_of_an_unknown_name_is_said_to_be_damaged(rich: dict[str, bytes], name: str) -> None:
    assert is_refused({**rich, name: b"{}"})


@pytest.mark.parametrize("missing", ["frozen/", "state", "rules", "counts"])
def test_missing_part_is_said_to_be_damaged(rich: dict[str, bytes], missing: str) -> None:
    assert is_refused({name: part for name, part in rich.items() if not name.startswith(missing)})


def test_unknown_prefix_is_said_to_be_damaged(rich: dict[str, bytes]) -> None:
    with pytest.raises(PartsDamaged):
        apply(None, "frozen/", rich)


def is_refused(parts: dict[str, bytes]) -> bool:
    try:
        assert apply(None, "", parts)
    except PartsDamaged as damage:
        assert "\n" not in str(damage) and len(str(damage)) < 300
        return True
    return False
