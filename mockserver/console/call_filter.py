"""The filter of a list of calls: as its URL has it, and as the control API wants it."""

from typing import Any

from werkzeug.datastructures import MultiDict

TEXTS = ("sandbox", "operation", "method", "status", "q")
FLAGS = ("remarks", "fault", "changed")
SPELLINGS = (("method", str.upper), ("status", str.lower))
Filter = dict[str, Any]


def filter_of(args: MultiDict[str, str]) -> Filter:
    """Return what a URL's query says of the calls to list, without fields that are empty.

    `vendor` is a list of names, the flags are "1", and all others are texts. So `url_for` takes the filter as
    it is.
    """
    chosen: Filter = {name: text for name in TEXTS if (text := args.get(name, "").strip())}
    chosen |= {name: change(chosen[name]) for name, change in SPELLINGS if name in chosen}
    if vendors := [name for name in args.getlist("vendor") if name]:
        chosen["vendor"] = vendors
    chosen |= {name: "1" for name in FLAGS if args.get(name)}
    return chosen


def control_query(chosen: Filter) -> dict[str, Any]:
    """Return a filter as the query of the operations `list-requests` and `stream-events`."""
    query = dict(chosen)
    if "vendor" in query:
        query["vendor"] = ",".join(query["vendor"])
    return query | {name: True for name in FLAGS if name in query}


def without(chosen: Filter, name: str, value: str) -> Filter:
    """Return the filter without one of its values."""
    left = {key: one for key, one in chosen.items() if key != name}
    if name == "vendor" and (others := [one for one in chosen[name] if one != value]):
        left[name] = others
    return left


def pairs(chosen: Filter) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of a filter, one for each vendor."""
    return [
        (name, one)
        for name, value in chosen.items()
        for one in (value if isinstance(value, list) else [value])
    ]
