"""What the plugin tells of calls: a journal, and what broke the contract."""

from collections.abc import Callable, Iterator, Sequence

from mockserver.client.assertion_messages import MAX_CALLS, indented, omitted, shorten
from mockserver.client.models import Explanation, Request
from mockserver.client.requests import summary_line


def journal(calls: Sequence[Request], explain: Callable[[Request], Explanation]) -> str:
    """The latest calls by sandbox, each in a line, with what would have helped those that were refused."""
    lines, sandbox = [*omitted(calls)], ""
    for call in calls[-MAX_CALLS:]:
        if call.sandbox != sandbox:
            sandbox = call.sandbox
            lines.append(f"in sandbox {sandbox}:")
        lines.append(f"  {summary_line(call)}")
        if call.status >= 400:
            lines += _refused(explain(call))
    return "\n".join(lines)


def broken(calls: Sequence[Request]) -> str:
    """The calls with contract remarks, and those remarks."""
    lines = [f"{len(calls)} {'call breaks' if len(calls) == 1 else 'calls break'} the contract"]
    shown = [*omitted(calls), *(summary_line(call) for call in calls[-MAX_CALLS:])]
    return "\n".join([*lines, *indented(shown)])


def _refused(explanation: Explanation) -> Iterator[str]:
    if explanation.check:
        yield f"      {explanation.check}: {shorten('; '.join(explanation.why))}"
    yield from (f"      {shorten(change)}" for change in explanation.smallest_change)
