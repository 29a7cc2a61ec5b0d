"""Locations of version 2026-01.

Source: the vendor's official command line, and the pages of version 2025-06 about locations.
"""

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.shoplazza.goods.locations import default_location, location_place, ordered_locations
from mockserver.vendors.shoplazza.pages import cursor_parts, envelope, page_size, to_cursor, wrong_cursor

STATUSES = {"1": True, "Activate": True, "2": False, "Deactivate": False}  # others mean all locations


def list_locations(call: Call) -> Record:
    """Return a page of locations, the default one first and the others in the order of their ids."""
    status, size, after = STATUSES.get(call.query.get("status", "")), page_size(call), cursor_parts(call, 2)
    matching = [one for one in ordered_locations(call) if status is None or one["active"] == status]
    left = matching
    if after:
        if not all(part.isdecimal() and part.isascii() and len(part) <= 20 for part in after):
            raise wrong_cursor()
        left = [one for one in matching if location_place(one) > (int(after[0]), int(after[1]))]
    has_more = len(left) > size
    return envelope(
        locations=left[:size],
        total=len(matching),
        cursor=to_cursor(*map(str, location_place(left[size - 1]))) if has_more else "",
        has_more=has_more,
    )


def count_locations(call: Call) -> Record:
    """Return the number of locations."""
    return envelope(count=len(call.records("locations")))


def get_default_location(call: Call) -> Record:
    """Return the shop's default location."""
    location = default_location(call)
    if location is None:
        raise Problem("not_found", "location not found")
    return envelope(location=location)


def get_location(call: Call) -> Record:
    """Return a location."""
    location = call.records("locations").get(call.path["location_id"])
    if location is None:
        raise Problem("not_found", "location not found")
    return envelope(location=location)
