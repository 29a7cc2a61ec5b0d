"""The table of what opens what, for people: the docs show it, and a test tries each of its cells."""

from typing import NamedTuple


class Row(NamedTuple):
    """A text that a client sends, all that it opens at vendors and of the control API, and its maker."""

    sent: str
    vendors: str
    control: str
    made_by: str


HEADINGS = Row("what you send", "opens at the vendors", "opens in the control API", "made by")
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
        'the control API, with `"credential": "issued"`',
    ),
    Row(
        "`ctl_<26 random characters>`, a sandbox's control token",
        "nothing",
        "that sandbox, and nothing else: it cannot create a sandbox or see another",
        "the control API, shown once with the new sandbox",
    ),
    Row(
        "a vendor's access token, issued by its OAuth endpoint",
        "at this vendor, the sandbox that it was issued for, until it expires by the sandbox's clock",
        "nothing",
        "the vendor's token endpoint, for a `client_secret` that is a sandbox's credential",
    ),
    Row("the admin token", "nothing", "everything", "the operator, or the server at start"),
    Row(
        "the console's cookie, from one of the console's own pages",
        "nothing",
        "what you logged in for: everything, or one sandbox",
        "logging in to the console",
    ),
    Row(
        "no token, from this machine, to a `localhost` address and not through a proxy",
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
