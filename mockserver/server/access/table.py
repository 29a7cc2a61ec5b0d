"""The table of what opens what, for people: the docs show it, and a test tries each of its cells."""

from typing import NamedTuple


class Row(NamedTuple):
    """A text that a client sends, all that it opens at vendors and of the control API, and its maker."""

    sent: str
    vendors: str
    control: str
    made_by: str


HEADINGS = Row("what is sent", "opens at vendors", "opens of control", "made by")
WHAT_OPENS_WHAT = (
    Row("`demo`", "the default sandbox", "nothing", "always there"),
    Row(
        "`sbx_<name>`, chosen by the client",
        "sandbox `<name>`, made on first use, unless a credential was issued for it",
        "nothing",
        "anyone",
    ),
    Row(
        "`sbx_<26 random characters>`, issued",
        "its sandbox, and no other",
        "nothing",
        'control: `"credential": "issued"`',
    ),
    Row(
        "`ctl_<26 random characters>`, a sandbox's control token",
        "nothing",
        "all of that sandbox, and nothing else: it makes no sandbox and sees no other",
        "shown once, when control makes the sandbox",
    ),
    Row("the admin token", "nothing", "everything", "the operator, or the server at start"),
    Row(
        "the console's cookie, with a page of the server's own origin",
        "nothing",
        "what its session stands for: everything, or one sandbox as with its control token",
        "login to the console",
    ),
    Row(
        "no token, from this machine: peer and `Host` loopback, any `Origin` the server's own, no proxy",
        "nothing",
        "everything, where there is no admin token",
        "",
    ),
    Row("`forbidden`", "the vendor's refusal, mostly 403", "nothing", "always there"),
    Row(
        "anything else",
        "the vendor's 401; with `--any-credential` the default sandbox",
        "nothing",
        "",
    ),
    Row(
        "`X-Mock-Sandbox: <name>` beside an accepted credential",
        "sandbox `<name>`, where the header is trusted; never one with an issued credential",
        "nothing",
        "anyone",
    ),
)


def markdown() -> str:
    """Return the table in Markdown."""
    lines = [HEADINGS, Row(*["---"] * len(HEADINGS)), *WHAT_OPENS_WHAT]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
