"""Fault rules that a person picks by name, and rules in words."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mockserver.vendor_api.json_text import encode


class Preset(NamedTuple):
    """A rule with a name. `about` says what a client meets."""

    name: str
    about: str
    rule: Mapping[str, Any]


def _fault(name: str, times: int = 1, **fields: Any) -> dict[str, Any]:
    return {"fault": {"type": name, **fields}, "times": times}


def _no_answer(seconds: float) -> Preset:
    about = "Silence, then the connection closes, once"
    return Preset(f"No answer for {seconds:g} s", about, _fault("no_answer", seconds=seconds))


PRESETS = (
    Preset("503 twice", "The next two calls fail", _fault("status", 2, status=503)),
    Preset("Slow, 2 s", "Every answer is delayed", {"delay": {"type": "fixed", "seconds": 2}}),
    Preset("429 from the vendor", "The vendor's own refusal, once", _fault("problem", kind="rate_limited")),
    Preset(
        "429 with Retry-After",
        "A gateway asks for 2 seconds, once",
        _fault("response", status=429, headers={"Retry-After": "2"}, body={"message": "Too many requests"}),
    ),
    Preset("Token expired", "The vendor's own 401, once", _fault("problem", kind="unauthenticated")),
    Preset("502 page", "A gateway's HTML instead of JSON, once", _fault("gateway")),
    Preset("Connection reset", "A TCP reset before any byte is sent, once", _fault("reset")),
    Preset("Empty reply", "The connection closes without an answer, once", _fault("empty_reply")),
    _no_answer(10),
    Preset("Truncated body", "The connection closes partway through, once", _fault("truncated_body")),
    Preset("Malformed body", "Complete, but not valid JSON, once", _fault("malformed_body")),
    Preset(
        "Lost reply", "A write takes effect, but its answer is lost, once", _fault("committed_reply_lost")
    ),
    Preset("Stale reads", "After a write, two reads see the old record", _fault("stale_reads", reads=2)),
    Preset(
        "Page shift", "A record disappears between two pages of a list", _fault("page_shift", change="remove")
    ),
)


def presets_within(seconds: float) -> tuple[Preset, ...]:
    """Return the presets on a server that holds no call back for longer than this."""
    return tuple(one if _wait_of(one) <= seconds else _no_answer(seconds) for one in PRESETS)


def _wait_of(preset: Preset) -> float:
    fault = preset.rule.get("fault", {})
    return float(fault.get("seconds", 0)) if fault.get("type") == "no_answer" else 0.0


def effect(rule: Mapping[str, Any]) -> str:
    """Say what a rule does to a call: `status 503, after 2 s`."""
    parts = []
    if fault := rule.get("fault"):
        values = ", ".join(f"{name} {_value(value)}" for name, value in fault.items() if name != "type")
        plain = fault["type"] == "status"
        parts.append(f"status {fault['status']}" if plain else f"{fault['type']}{values and f' ({values})'}")
    if delay := rule.get("delay"):
        parts.append(_delay(delay))
    return ", ".join(parts) or "answered as usual; later rules do not apply"


def _delay(delay: Mapping[str, Any]) -> str:
    match delay["type"]:
        case "fixed":
            return f"delayed by {delay['seconds']} s"
        case "uniform":
            return f"delayed by {delay['lower']} to {delay['upper']} s"
    most = f", at most {delay['most']} s" if "most" in delay else ""
    return f"delayed by about {delay['median']} s (sigma {delay['sigma']}{most})"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else encode(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}…"


def meets(rule: Mapping[str, Any]) -> str:
    """Say which calls a rule meets: `vendor, operation, path identifier = 10001`."""
    parts = [str(rule[name]) for name in ("vendor", "operation") if name in rule]
    for place in ("path", "query", "headers"):
        word = "header" if place == "headers" else place
        parts += [f"{word} {name} = {value}" for name, value in rule.get(place, {}).items()]
    return ", ".join(parts) or "every call"


def how_often(rule: Mapping[str, Any]) -> str:
    """Say how often a rule fires: `after 1 call, every 3rd, 2 times at most`."""
    return ", ".join(_how_often(rule)) or "each time"


def _how_often(rule: Mapping[str, Any]) -> Iterator[str]:
    if "after" in rule:
        yield f"after {rule['after']} {'call' if rule['after'] == 1 else 'calls'}"
    if "every" in rule:
        yield f"one call in {rule['every']}"
    if "probability" in rule:
        yield f"with probability {rule['probability']}"
    if "from" in rule:
        yield f"from {rule['from']}"
    if "until" in rule:
        yield f"until {rule['until']}"
    if "times" in rule:
        yield f"{rule['times']} {'time' if rule['times'] == 1 else 'times'} at most"
