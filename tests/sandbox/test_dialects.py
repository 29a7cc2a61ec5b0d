"""Dialects: the text that chooses them."""

import pytest

from mockserver.sandbox.dialects import DOCUMENTED, parse_dialects

VENDORS = ("acme", "globex", "initech")


@pytest.mark.parametrize(("text", "of_vendors", "shown"), [
    ("documented", "ddd", "documented"),
    ("observed", "ooo", "observed"),
    ("globex=observed", "dod", "globex=observed"),
    ("globex=observed,acme=observed", "ood", "acme=observed,globex=observed"),
    ("acme=documented", "ddd", "documented"),
    ("observed,acme=documented", "doo", "observed,acme=documented"),
    ("acme=documented,observed", "doo", "observed,acme=documented"),
    (" acme = observed , initech=observed ", "odo", "acme=observed,initech=observed"),
])  # fmt: skip
def test_text_chooses_the_dialect_of_each_vendor(text: str, of_vendors: str, shown: str) -> None:
    dialects = parse_dialects(text, VENDORS)
    assert "".join(dialects.of(vendor)[0] for vendor in VENDORS) == of_vendors
    assert str(dialects) == shown
    assert parse_dialects(str(dialects), VENDORS) == dialects


@pytest.mark.parametrize("text", ["documented", "acme=documented", "documented,globex=documented"])
def test_only_documented_is_always_the_same_object(text: str) -> None:
    assert parse_dialects(text, VENDORS) is DOCUMENTED


RULE = "use documented or observed, or name vendors: VENDOR=observed,…"


@pytest.mark.parametrize(("text", "message"), [
    ("", f"the dialect is not given: {RULE}"),
    (7, f"the dialect is not given: {RULE}"),
    ("live", f"there is no dialect 'live': {RULE}"),
    ("acme", f"there is no dialect 'acme': {RULE}"),
    ("acme=", "'acme=' names no dialect: use acme=documented or acme=observed"),
    ("acme=live", "there is no dialect 'live': use acme=documented or acme=observed"),
    ("acme=observed=x", "there is no dialect 'observed=x': use acme=documented or acme=observed"),
    (",", f"',' has an empty part: {RULE}"),
    ("observed,", f"'observed,' has an empty part: {RULE}"),
    (",acme=observed", f"',acme=observed' has an empty part: {RULE}"),
    ("acne=observed", "there is no vendor 'acne': use one of acme, globex, initech; did you mean acme?"),
    ("acne=live", "there is no vendor 'acne': use one of acme, globex, initech; did you mean acme?"),
    ("=observed", f"'=observed' names no vendor: {RULE}"),
    (" = observed", f"'= observed' names no vendor: {RULE}"),
    ("=", f"'=' names no vendor: {RULE}"),
    ("acme=observed,acme=documented", "the dialect of acme is given twice: leave out one of them"),
    ("observed,documented", "the dialect of all vendors is given twice: leave out one of them"),
])  # fmt: skip
def test_wrong_text_is_refused(text: object, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_dialects(text, VENDORS)
    assert str(raised.value) == message
