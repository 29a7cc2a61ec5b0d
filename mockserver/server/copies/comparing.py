"""Comparisons of what a server has of a sandbox with what it had before."""

from mockserver.sandbox.log.contents import Contents
from mockserver.sandbox.sandbox import Sandbox


def is_plain(before: Contents, sandbox: Sandbox) -> bool:
    """Return True if only records and the number of calls may have changed, or what the control API changes.

    With webhooks, that is False if records have changed, as then there are deliveries.
    """
    return (
        sandbox.limits is before.limits
        and sandbox.faults is before.faults
        and sandbox.clock is before.clock
        and sandbox.generation == before.generation
        and (
            sandbox.outbox is None
            or (sandbox.state is before.state and sandbox.outbox.kept is before.deliveries)
        )
    )


def is_another(contents: Contents, before: Contents | None) -> bool:
    """Return True if a sandbox is not the one that had this name before."""
    about, former = contents.about, before.about if before else None
    return about is not None and former is not None and about.created != former.created
