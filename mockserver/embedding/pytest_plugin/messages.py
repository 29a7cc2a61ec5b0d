"""The plugin's reports: the journal of a failed test, and the calls that broke the contract."""

from collections.abc import Callable, Iterator, Sequence

from mockserver.client.assertion_messages import MAX_CALLS, indented, omitted, shorten
from mockserver.client.models import Explanation, Request
from mockserver.client.requests import STRAYS, summary_line


def journal(calls: Sequence[Request], explain: Callable[[Request], Explanation]) -> str:
    """Return the latest calls, one per line, grouped by sandbox.

    Below each refused call, add the check that refused the call, and the smallest change that would
    help.
    """
    lines, sandbox = [*omitted(len(calls) - MAX_CALLS)], ""
    for call in calls[-MAX_CALLS:]:
        if call.sandbox != sandbox:
            sandbox = call.sandbox
            lines.append("in no sandbox:" if sandbox == STRAYS else f"in sandbox {sandbox}:")
        lines.append(f"  {summary_line(call)}")
        if call.status >= 400:
            lines += _explained(explain(call))
    return "\n".join(lines)


def broken(calls: Sequence[Request]) -> str:
    """Return a heading with the number of calls that broke the contract, and each call with its remarks."""
    heading = f"{len(calls)} {'call breaks' if len(calls) == 1 else 'calls break'} the contract"
    shown = [*omitted(len(calls) - MAX_CALLS), *(summary_line(call) for call in calls[-MAX_CALLS:])]
    return "\n".join([heading, *indented(shown)])


def _explained(explanation: Explanation) -> Iterator[str]:
    if explanation.check:
        yield f"      {explanation.check}: {shorten('; '.join(explanation.why))}"
    yield from (f"      {shorten(change)}" for change in explanation.smallest_change)
