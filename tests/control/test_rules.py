"""HTTP accepts what the Python client accepts, in the same form and by the same names."""

from typing import Any

import httpx
import pytest

from mockserver.client import Client

STATUS = {"type": "status", "status": 503}
FORMS: dict[str, tuple[Any, Any]] = {
    "a status alone": (503, {"fault": STATUS}),
    "a type alone": ("reset", {"fault": {"type": "reset"}}),
    "a rule with a status": ({"fault": 503, "times": 2}, {"fault": STATUS, "times": 2}),
    "a rule with a type": (
        {"fault": "no_answer", "vendor": "sabi"}, {"fault": {"type": "no_answer"}, "vendor": "sabi"}
    ),
    "a delay in whole seconds": ({"delay": 1}, {"delay": {"type": "fixed", "seconds": 1}}),
    "a delay in seconds": ({"delay": 0.25}, {"delay": {"type": "fixed", "seconds": 0.25}}),
    "from_": (
        {"fault": 503, "from_": "2026-01-02T03:04:05Z"}, {"fault": STATUS, "from": "2026-01-02T03:04:05Z"}
    ),
    "the long form": ({"fault": STATUS}, {"fault": STATUS}),
}  # fmt: skip


def rules(api: httpx.Client, sandbox: str) -> list[dict[str, Any]]:
    listed = api.get(f"/_mock/sandboxes/{sandbox}/faults").json()["faults"]
    return [{name: value for name, value in rule.items() if name != "fired"} for rule in listed]


@pytest.mark.finding("B9")
@pytest.mark.parametrize(("form", "rule"), FORMS.values(), ids=FORMS)
def test_short_form_is_accepted_everywhere(api: httpx.Client, sandbox: str, form: Any, rule: Any) -> None:
    path = f"/_mock/sandboxes/{sandbox}"
    assert api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [form]}).status_code == 201
    assert rules(api, sandbox) == [rule]
    assert api.put(f"{path}/faults", json=[form, form]).status_code == 200
    assert rules(api, sandbox) == [rule, rule]
    assert api.post(f"{path}/faults", json=form).status_code == 201
    assert rules(api, sandbox) == [rule, rule, rule]
    document = {**api.get(f"{path}/export").json(), "faults": [form]}
    assert api.put(f"{path}/import", json=document).status_code == 200
    assert rules(api, sandbox) == [rule]


@pytest.mark.finding("B9")
@pytest.mark.parametrize(("form", "rule"), FORMS.values(), ids=FORMS)
def test_python_client_accepts_the_same_forms(
    api: httpx.Client, base_url: str, sandbox: str, form: Any, rule: Any
) -> None:
    with Client(base_url) as client, client.create(sandbox, faults=[form]) as made:
        assert rules(api, sandbox) == [rule]
        made.faults.set(form)
        assert rules(api, sandbox) == [rule]
        if isinstance(form, dict):
            made.faults.add(**form)
        else:
            made.faults.add(form)
        assert rules(api, sandbox) == [rule, rule]


LIMITS: dict[str, tuple[Any, dict[str, Any]]] = {
    "on": (True, {"enabled": True, "overrides": {}}),
    "off": (False, {"enabled": False, "overrides": {}}),
    "overrides": ({"sabi": {}}, {"enabled": True, "overrides": {"sabi": {}}}),
    "one number": (
        {"highlevel": {"daily": 10}}, {"enabled": True, "overrides": {"highlevel": {"daily": 10}}}
    ),
    "settings": (
        {"enabled": False, "overrides": {"highlevel": {"daily": 1}}},
        {"enabled": False, "overrides": {"highlevel": {"daily": 1}}},
    ),
}  # fmt: skip


@pytest.mark.finding("B9")
@pytest.mark.parametrize(("form", "settings"), LIMITS.values(), ids=LIMITS)
def test_limits_have_the_same_forms_over_http_and_in_python(
    api: httpx.Client, base_url: str, sandbox: str, form: Any, settings: dict[str, Any]
) -> None:
    path = f"/_mock/sandboxes/{sandbox}/limits"

    def shown() -> dict[str, Any]:
        limits = api.get(path).json()
        return {name: limits[name] for name in ("enabled", "overrides")}

    assert api.post("/_mock/sandboxes", json={"name": sandbox, "limits": form}).status_code == 201
    assert shown() == settings
    api.put(path, json={"enabled": not settings["enabled"]})
    assert api.put(path, json=form).status_code == 200
    assert shown() == settings
    with Client(base_url) as client:
        client.sandbox(sandbox).delete()
        made = client.create(sandbox, limits=form)
        assert shown() == settings
        made.limits.set(form)
        assert shown() == settings


def test_ttl_and_frozen_have_the_names_of_the_client(api: httpx.Client, sandbox: str) -> None:
    options = {"name": sandbox, "ttl": 60, "frozen": "2026-01-02T03:04:05", "products": 5, "seed": 1}
    made = api.post("/_mock/sandboxes", json=options).json()
    assert (made["clock"]["now"], made["products"], made["seed"]) == ("2026-01-02T03:04:05.000Z", 5, 1)
    assert made["expires"] is not None


def test_rules_that_stay_can_keep_their_counts(api: httpx.Client, base_url: str, sandbox: str) -> None:
    other = {"fault": {"type": "reset"}, "times": 1}
    api.post("/_mock/sandboxes", json={"name": sandbox, "faults": [{"fault": 503, "times": 2}, other]})
    path = f"/_mock/sandboxes/{sandbox}/faults"
    call = {"url": "/merchantpro/api/v2/inventory/id/10001", "auth": (f"sbx_{sandbox}", "x")}

    def counts(answer: httpx.Response) -> list[int]:
        return [rule["fired"] for rule in answer.json()["faults"]]

    assert [api.get(**call).status_code, counts(api.get(path))] == [503, [1, 0]]  # type: ignore[arg-type]
    present = api.get(path).json()["faults"]
    keep = {"keep_counts": True}
    assert counts(api.put(path, json=present[::-1], params=keep)) == [0, 1]
    assert counts(api.put(path, json=[504, present[0], present[0]], params=keep)) == [0, 1, 0]
    assert counts(api.put(path, json=[503], params=keep)) == [0]  # it is another rule: without `times`
    assert counts(api.put(path, json=present)) == [0, 0]
    with Client(base_url) as client:
        faults = client.sandbox(sandbox).faults
        assert api.get(**call).status_code == 503  # type: ignore[arg-type]
        faults.set(*(one.rule for one in faults.list()), keep_counts=True)
        assert [one.fired for one in faults.list()] == [1, 0]
