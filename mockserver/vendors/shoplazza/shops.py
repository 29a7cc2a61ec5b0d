"""The shop that a request is for: the first label of the host name."""

from mockserver.vendor_api import Call, Problem


def check_shop(call: Call) -> str:
    """Return the name of the call's shop. Raise Problem if the host names none, or if it is not active."""
    name = call.request.host_variables["shopdomain"]
    if not name:
        raise Problem("bad_request", "No Context")
    shop = call.records("shops").get(name)
    if shop and not shop["active"]:
        raise Problem("unauthenticated", "store is not active")
    return name
