"""Differences of a dialect: the changes of a document, and what is wrong with a section."""

from typing import Any

import pytest

from mockserver.contract.openapi.differences import changed_document, read_differences
from mockserver.contract.openapi.place import WrongPart

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/items/{id}": {
            "parameters": [{"name": "id"}],
            "get": {
                "operationId": "get-item",
                "parameters": [{"name": "limit", "required": False}, {"name": "q"}],
                "responses": {"200": {"headers": {"A": 1}}, "404": {"$ref": "#/missing"}},
            },
            "put": {"operationId": "put-item", "responses": {200: {}}},
        }
    },
}
GET = "/paths/~1items~1{id}/get"
SUMMARY = {"summary": "s", "evidence": "observed", "source": "a client"}


def changed(**change: Any) -> Any:
    document = {**DOCUMENT, "x-dialects": {"observed": [{**SUMMARY, "changes": [change]}]}}
    before = repr(document)
    result = changed_document(document, read_differences(document))
    assert repr(document) == before, "the documented document stays as it is"
    assert "x-dialects" not in result
    return result["paths"]["/items/{id}"]


def test_update_changes_fields_and_keeps_the_others() -> None:
    item = changed(target=f"{GET}/responses/200", update={"headers": {"B": 2}, "x": 3})
    assert item["get"]["responses"]["200"] == {"headers": {"A": 1, "B": 2}, "x": 3}
    assert item["put"] is DOCUMENTED_PUT, "parts that do not change are shared"


DOCUMENTED_PUT = DOCUMENT["paths"]["/items/{id}"]["put"]


def test_value_replaces_or_adds() -> None:
    assert changed(target=f"{GET}/responses/200/headers", value={"B": 2})["get"]["responses"]["200"] == {
        "headers": {"B": 2}
    }
    assert changed(target=f"{GET}/responses/304", value={"x": 1})["get"]["responses"]["304"] == {"x": 1}
    assert changed(target=f"{GET}/parameters/-", value={"name": "z"})["get"]["parameters"][2] == {"name": "z"}


def test_item_of_a_list_is_found_by_a_field_or_by_its_number() -> None:
    for segment in ("name=limit", "0"):
        item = changed(target=f"{GET}/parameters/{segment}", update={"required": True})
        assert item["get"]["parameters"] == [{"name": "limit", "required": True}, {"name": "q"}]


@pytest.mark.parametrize(("target", "left"), [
    ("/parameters/name=q", [{"name": "limit", "required": False}]),
    ("/parameters/name=limit/required", [{"name": "limit"}, {"name": "q"}]),
])  # fmt: skip
def test_remove(target: str, left: list[Any]) -> None:
    assert changed(target=GET + target, remove=True)["get"]["parameters"] == left


def test_star_is_every_part_that_has_the_rest_and_is_no_reference() -> None:
    item = changed(target="/paths/*/*/responses/*", update={"headers": {"ETag": 1}})
    assert item["get"]["responses"] == {"200": {"headers": {"A": 1, "ETag": 1}}, "404": {"$ref": "#/missing"}}
    assert item["put"]["responses"] == {200: {"headers": {"ETag": 1}}}
    assert item["parameters"] == [{"name": "id"}]


MISSING = "there is nothing in this spec at that place: correct the target"


@pytest.mark.parametrize(("section", "message"), [
    ([], "x-dialects: it must be an object with the list `observed`: correct it"),
    ({"live": []}, "x-dialects: it must be an object with the list `observed`: correct it"),
    ({"observed": {}}, None),
    ({"observed": {"a": 1}}, "x-dialects: `observed` must be a list: begin each difference with a dash"),
    ({"observed": [7]},
     "x-dialects observed, difference 1: Expected `object`, got `int`: correct it"),
    ({"observed": [{**SUMMARY, "evidence": "rumour"}]},
     "x-dialects observed, difference 1: Invalid enum value 'rumour' - at `$.evidence`: correct it"),
    ({"observed": [SUMMARY, {"summary": "s"}]},
     "x-dialects observed, difference 2: Object missing required field `evidence`: correct it"),
    ({"observed": [{**SUMMARY, "sauce": "x"}]},
     "x-dialects observed, difference 1: Object contains unknown field `sauce`: correct it"),
    ({"observed": [{**SUMMARY, "operations": ["get-itm"]}]},
     "x-dialects observed, difference 1: there is no operation get-itm: use an operationId of this spec"),
    ({"observed": [{**SUMMARY, "changes": [{"target": "/info/title"}]}]},
     "x-dialects observed, difference 1: /info/title needs one of update, value and remove: give one"
     " - at `$.changes[0]`: correct it"),
    ({"observed": [{**SUMMARY, "changes": [{"target": "info", "value": 1}]}]},
     "x-dialects observed, difference 1: info is not a JSON pointer: begin it with a slash"
     " - at `$.changes[0]`: correct it"),
    ({"observed": [{**SUMMARY, "changes": [{"target": "/paths/*", "remove": True}]}]},
     "x-dialects observed, difference 1: /paths/* removes everything: name what to remove"
     " - at `$.changes[0]`: correct it"),
    ({"observed": [{**SUMMARY, "changes": [{"target": f"{GET}/deprecated", "remove": True}]}]},
     f"x-dialects observed, difference 1, target {GET}/deprecated: {MISSING}"),
    ({"observed": [{**SUMMARY, "changes": [{"target": "/paths/*/get/nothing/x", "value": 1}]}]},
     f"x-dialects observed, difference 1, target /paths/*/get/nothing/x: {MISSING}"),
    ({"observed": [{**SUMMARY, "changes": [{"target": f"{GET}/parameters", "update": {}}]}]},
     f"x-dialects observed, difference 1, target {GET}/parameters: update needs an object at that place:"
     " use value"),
])  # fmt: skip
def test_wrong_section_is_refused(section: Any, message: str | None) -> None:
    document = {**DOCUMENT, "x-dialects": section}
    if message is None:
        assert read_differences(document) == ()
        return
    with pytest.raises(WrongPart) as raised:
        read_differences(document)
    assert str(raised.value) == message


def test_without_a_section_nothing_differs() -> None:
    assert read_differences(DOCUMENT) == ()
