"""The visitor of the present page, and what she may rule."""

from flask import g

from mockserver.console.control_client import Refused
from mockserver.console.pages.context import parts, raw
from mockserver.vendor_api.problem import Problem

STATUSES = {"unauthenticated": (401, "unauthorized"), "forbidden": (403, "forbidden")}
ONLY_HERE = "without --admin-token, the console answers only this machine, under a loopback host"


def admit() -> None:
    """Find out what the visitor may rule: everything, or one sandbox. Raise Refused if it is nothing."""
    try:
        g.visitor = parts().pipeline.control_access.visitor_of(raw())
    except Problem as problem:
        raise Refused(*STATUSES[problem.kind], problem.message or ONLY_HERE) from None
