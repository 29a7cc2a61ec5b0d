"""The fault rules of a sandbox: what they did, presets, a form for each fault, and all of them as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, abort, render_template, request
from msgspec.structs import fields as struct_fields
from werkzeug.wrappers import Response as AnyPage

from mockserver.console.control_client import Refused, path_of
from mockserver.console.pages.context import DONE, after, backend, control
from mockserver.console.pages.forms import Field, Form, field_of
from mockserver.console.presets import effect, how_often, meets, presets_within
from mockserver.control.spec import fault_schema
from mockserver.sandbox.faults import fault_types
from mockserver.sandbox.faults.fault import MAX_SECONDS
from mockserver.vendor_api.json_text import decode, encode

pages = Blueprint("faults", __name__)
UNSET = "empty: not set"  # the end of the hint of a field that has no value of its own
NONE = "none"  # instead of a fault: the rule only delays, or lets calls pass
DONE.update(
    rule_added="The rule has been added.",
    rule_saved="The rule has been saved. Its count starts again at 0.",
    rule_removed="The rule has been removed.",
    rule_moved="The rules have been reordered. They keep their counts.",
    rules_saved="The rules have been saved.",
    rules_cleared="All rules have been removed.",
)
Rules = list[dict[str, Any]]


@pages.get("/sandboxes/<sandbox>/faults")
def show(sandbox: str) -> str:
    return render_template(
        "faults/show.html", sandbox=sandbox, rules=_rules(sandbox), faults=fault_types(),
        presets=presets_within(_longest_wait()),
        effect=effect, meets=meets, how_often=how_often, without_count=_without_count, path=_path(sandbox),
    )  # fmt: skip


@pages.post("/sandboxes/<sandbox>/faults")
def add_preset(sandbox: str) -> AnyPage:
    preset = next(
        (one for one in presets_within(_longest_wait()) if one.name == request.form.get("preset")), None
    )
    if preset is None:
        abort(400)
    control().post(_path(sandbox), preset.rule)
    return after("rule_added", "faults.show", sandbox=sandbox)


@pages.route("/sandboxes/<sandbox>/faults/new", methods=["GET", "POST"])
def new(sandbox: str) -> str | AnyPage | tuple[str, int]:
    """Show the form for a rule with the fault of the query. If it was sent, add the rule."""
    fault = request.args.get("fault", NONE)
    form = Form(_fields(fault, {}))
    if request.method != "POST":
        control().get(_path(sandbox))  # maybe there is no such sandbox
    elif form.fill(request.form):
        try:
            control().post(_path(sandbox), _rule(fault, form.values))
        except Refused as refused:
            form.refuse(refused)
        else:
            return after("rule_added", "faults.show", sandbox=sandbox)
    return _form_page(sandbox, fault, form)


@pages.route("/sandboxes/<sandbox>/faults/<int:number>", methods=["GET", "POST"])
def edit(sandbox: str, number: int) -> str | AnyPage | tuple[str, int]:
    """Show the form for rule `number`, counted from 1. If it was sent, put the new rule in its place."""
    rules = _rules(sandbox)
    place = _place(rules, number) if request.method == "POST" else number - 1
    if place is None or not 0 <= place < len(rules):
        abort(404, "The rule is no longer there.")
    rule = _without_count(rules[place])
    fault, former = rule.get("fault", {}).get("type", NONE), _values(rule)
    form = Form(_fields(fault, former))
    if request.method == "POST" and form.fill(request.form, former):
        rules[place] = _rule(fault, form.values)
        try:
            _replace(sandbox, rules)
        except Refused as refused:
            form.refuse(refused)
        else:
            return after("rule_saved", "faults.show", sandbox=sandbox)
    return _form_page(sandbox, fault, form, number, rule)


@pages.post("/sandboxes/<sandbox>/faults/<int:number>/remove")
def remove(sandbox: str, number: int) -> AnyPage:
    rules = _rules(sandbox)
    if (place := _place(rules, number)) is not None:
        del rules[place]
        _replace(sandbox, rules)
    return after("rule_removed", "faults.show", sandbox=sandbox)


@pages.post("/sandboxes/<sandbox>/faults/<int:number>/move")
def move(sandbox: str, number: int) -> AnyPage:
    """Let the rule and the one before it change places."""
    rules = _rules(sandbox)
    if place := _place(rules, number):
        rules[place - 1 : place + 1] = rules[place], rules[place - 1]
        _replace(sandbox, rules)
    return after("rule_moved", "faults.show", sandbox=sandbox)


@pages.route("/sandboxes/<sandbox>/faults/clear", methods=["GET", "POST"])
def clear(sandbox: str) -> str | AnyPage:
    if request.method == "POST":
        control().delete(_path(sandbox))
        return after("rules_cleared", "faults.show", sandbox=sandbox)
    return render_template("faults/clear.html", sandbox=sandbox, rules=_rules(sandbox))


@pages.route("/sandboxes/<sandbox>/faults/json", methods=["GET", "POST"])
def as_json(sandbox: str) -> str | AnyPage | tuple[str, int]:
    """Show all rules as JSON. If they were sent, replace all; those that were there keep their counts."""
    rules = [_without_count(rule) for rule in _rules(sandbox)]
    form = Form([field_of("rules", {"type": "array"}, rules, required=True)])
    form.fields[0].label = "Rules, in their order"
    if request.method == "POST" and form.fill(request.form):
        try:
            _replace(sandbox, form.values["rules"])
        except Refused as refused:
            form.refuse(refused, "rules")
        else:
            return after("rules_saved", "faults.show", sandbox=sandbox)
    return render_template("faults/json.html", sandbox=sandbox, form=form), form.status


def _longest_wait() -> float:
    """Return for how many seconds a fault can keep a call waiting. A demo cuts what is longer."""
    guard = backend().guard
    return min(guard.quotas.delay.total_seconds(), MAX_SECONDS) if guard else MAX_SECONDS


def _path(sandbox: str) -> str:
    return path_of("sandboxes", sandbox, "faults")


def _rules(sandbox: str) -> Rules:
    rules: Rules = control().get(_path(sandbox))["faults"]
    return rules


def _replace(sandbox: str, rules: Any) -> None:
    control().call("PUT", _path(sandbox), {"keep_counts": True}, rules)


def _without_count(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "fired"}


def _place(rules: Rules, number: int) -> int | None:
    """Return the place of the rule that a form is about, or None if it is no longer there.

    It was shown as `number`, counted from 1, but meanwhile others may have changed the rules.
    """
    try:
        shown = decode(request.form.get("rule", ""))
    except ValueError:
        abort(400)
    places = [place for place, rule in enumerate(rules) if _without_count(rule) == shown]
    return min(places, key=lambda place: abs(place - number + 1), default=None)


def _form_page(
    sandbox: str, fault: str, form: Form, number: int = 0, rule: Mapping[str, Any] | None = None
) -> tuple[str, int]:
    summary = "" if fault == NONE else fault_types()[fault].summary
    page = render_template(
        "faults/form.html", sandbox=sandbox, fault=fault, form=form, number=number, summary=summary,
        rule=rule, path=_path(sandbox),
    )  # fmt: skip
    return page, form.status


def _fields(fault: str, values: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the fields of a rule with a fault: first those of the fault, as its class has them."""
    if fault != NONE:
        yield from _fault_fields(fault, values)
    contracts = backend().contracts
    vendors = [(contract.vendor.name, contract.vendor.title) for contract in contracts]
    operations = [(one, one) for contract in contracts for one in contract.spec.operations]
    pairs = 'such as {"identifier": "10001"}'
    delay = f'0 to {_longest_wait():g} seconds, or such as {{"type": "uniform", "lower": 0.1, "upper": 2}}'
    fields = (
        Field("delay", "Delay", "value", hint=delay),
        Field("vendor", "Vendor", "choice", choices=(("", "all"), *vendors)),
        Field("operation", "Operation", "choice", choices=(("", "all"), *operations)),
        Field("times", "How many times", "number", hint="empty: no limit"),
        Field("after", "Calls to let pass first", "number", hint="empty: none"),
        Field("every", "Then every", "number", hint="3: every third call; empty: each call"),
        Field("probability", "Probability", "number", hint="from 0 to 1; empty: always"),
        Field("from", "From (the sandbox's time)", "time"),
        Field("until", "Until (the sandbox's time)", "time"),
        Field("path", "Values in the path", "value", hint=pairs),
        Field("query", "Values in the query", "value", hint='such as {"limit": "10"}'),
        Field("headers", "Headers", "value", hint='such as {"User-Agent": "shop/1.0"}'),
    )  # fmt: skip
    for one in fields:
        yield one.holding(values)


def _fault_fields(fault: str, values: Mapping[str, Any]) -> Iterator[Field]:
    if fault not in fault_types():
        abort(404)
    schema = fault_schema(fault_types()[fault])
    defaults = {one.encode_name: one.default for one in struct_fields(fault_types()[fault])}
    for name, one in schema["properties"].items():
        if name == "type":
            continue
        if one.get("maximum") == MAX_SECONDS:
            one, defaults[name] = {**one, "maximum": _longest_wait()}, _shortened(defaults[name])
        field = field_of(f"fault.{name}", one, values.get(f"fault.{name}", ""), name in schema["required"])
        field.label = name
        default = defaults[name]
        if isinstance(default, bool | int | float) or (default and isinstance(default, str)):
            field.hint = f"{field.hint.removesuffix(UNSET)}{_default(default)}"
        yield field


def _shortened(seconds: Any) -> Any:
    return min(seconds, _longest_wait()) if isinstance(seconds, int | float) else seconds


def _default(value: Any) -> str:
    """Say what an empty field means, whose value is a number, a text, or true or false."""
    return f"empty: {encode(value).decode().removesuffix('.0')}"


def _values(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a rule by the names of the fields."""
    return {**{f"fault.{name}": value for name, value in rule.get("fault", {}).items()}, **rule}


def _rule(fault: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule with the values of the fields."""
    rule = {name: value for name, value in values.items() if not name.startswith("fault.")}
    if fault != NONE:
        inner = {name[6:]: value for name, value in values.items() if name.startswith("fault.")}
        rule["fault"] = {"type": fault, **inner}
    return rule
