"""Annotations as JSON Schemas, and values to JSON and back."""

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, Optional, TypedDict
from uuid import UUID

import pytest

from weft import Artifact
from weft.shape import Misfit, Mode, Unsupported, document_schema, shape_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Quake:
    place: str
    magnitude: float
    tags: list[str] = field(default_factory=list)


@dataclass
class Tree:
    name: str
    children: list["Tree"]


class Row(TypedDict):
    id: int
    note: NotRequired[str]


class Point(NamedTuple):
    x: float
    y: float


NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)

VALUES = [
    (int, 3, 3),
    (float, 3, 3.0),
    (str, "a", "a"),
    (bool, True, True),
    (type(None), None, None),
    (list[int], [1, 2], [1, 2]),
    (list, [1, "a", None], [1, "a", None]),
    (tuple[int, str], (1, "a"), [1, "a"]),
    (tuple[int, ...], (1, 2), [1, 2]),
    (set[str], {"b", "a"}, ["a", "b"]),
    (dict[str, float], {"a": 1.5}, {"a": 1.5}),
    (Optional[int], None, None),
    (int | str, "x", "x"),
    (Literal["a", 1], 1, 1),
    (Colour, Colour.BLUE, "blue"),
    (Quake, Quake("Tonga", 6.1), {"place": "Tonga", "magnitude": 6.1, "tags": []}),
    (list[Quake], [Quake("Tonga", 6)], [{"place": "Tonga", "magnitude": 6.0, "tags": []}]),
    (Row, {"id": 1}, {"id": 1}),
    (Point, Point(1.0, 2.0), [1.0, 2.0]),
    (Tree, Tree("a", [Tree("b", [])]), {"name": "a", "children": [{"name": "b", "children": []}]}),
    (datetime, NOON, "2026-01-01T12:00:00+00:00"),
    (date, date(2026, 1, 1), "2026-01-01"),
    (timedelta, timedelta(minutes=1), 60.0),
    (Decimal, Decimal("1.10"), "1.10"),
    (UUID, UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Artifact, Artifact("sha256:ab"), {"$artifact": "sha256:ab"}),
    (Any, {"a": [1, (2,)]}, {"a": [1, [2]]}),
]


@pytest.mark.parametrize(("annotation", "value", "json"), VALUES, ids=lambda item: repr(item)[:30])
def test_a_value_goes_to_json_and_comes_back(annotation, value, json):
    shape = shape_of(annotation)
    assert shape.encode(value, "output") == json
    back = shape.decode(json, "x")
    assert back == ({"a": [1, [2]]} if annotation is Any else value)
    assert annotation is Any or type(back) is type(value) or annotation is float


MISFITS = [
    (int, "x", "output: expected int, got str 'x'"),
    (int, True, "output: expected int, got bool True"),
    (float, float("nan"), "output: nan is no number that JSON can hold"),
    (list[int], [1, "x"], "output[1]: expected int, got str 'x'"),
    (dict[str, int], {"a": None}, "output.a: expected int, got NoneType None"),
    (dict, {1: 2}, "a key of output: expected str, got int 1"),
    (Quake, {"place": "x"}, "output: expected Quake, got dict {'place': 'x'}"),
    (list[Quake], [Quake("x", "y")], "output[0].magnitude: expected float, got str 'y'"),
    (Row, {"note": "x"}, "output: Row lacks 'id'"),
    (Row, {"id": 1, "nte": "x"}, "output: Row has no key 'nte'"),
    (Colour, "red", "output: expected one of ['red', 'blue'], got str 'red'"),
    (int | None, "x", "output: expected int or expected null, got str 'x'"),
    (Any, {"a": {1: 2}}, "output.a: a key is int 1, and keys of JSON are text"),
    (Any, [object()], "output[0]: object <object object"),
    (Any, {"a": [object]}, "output.a[0]: type <class 'object'> is nothing that JSON can hold"),
    (Any, b"x", "output: bytes b'x' is nothing that JSON can hold"),
]


@pytest.mark.parametrize(("annotation", "value", "message"), MISFITS, ids=lambda item: repr(item)[:30])
def test_a_misfit_names_the_place_and_the_value(annotation, value, message):
    with pytest.raises(Misfit) as raised:
        shape_of(annotation).encode(value, "output")
    assert str(raised.value).startswith(message)


def test_schemas():
    def schema(annotation, mode=Mode.OUTPUT):
        return document_schema(shape_of(annotation), mode)

    assert schema(Any) is True
    assert schema(dict[str, int]) == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert schema(tuple[int, str]) == {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}],
        "items": False,
        "minItems": 2,
        "maxItems": 2,
    }
    assert schema(Optional[str]) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert schema(Quake | Any) is True


def test_what_is_required_depends_on_the_side():
    shape = shape_of(list[Quake])
    for mode, required in ((Mode.OUTPUT, ["place", "magnitude", "tags"]), (Mode.INPUT, ["place", "magnitude"])):
        schema = document_schema(shape, mode)
        assert schema["items"] == {"$ref": "#/$defs/Quake"}
        assert schema["$defs"]["Quake"]["required"] == required


def test_a_type_that_holds_itself_has_a_schema():
    schema = document_schema(shape_of(Tree), Mode.INPUT)
    tree = schema["$defs"]["Tree"]
    assert tree["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Tree"}}


def test_a_dataclass_ignores_unknown_fields():
    assert shape_of(Quake).decode({"place": "x", "magnitude": 1, "depth": 3}, "q") == Quake("x", 1.0)


def test_types_that_do_not_travel_are_named():
    class Frame:
        pass

    with pytest.raises(Unsupported, match="Frame can't travel between tasks"):
        shape_of(list[Frame])
    with pytest.raises(Unsupported, match="Artifact"):
        shape_of(bytes)


def test_models_in_the_manner_of_pydantic():
    class Model:
        def __init__(self, n):
            self.n = n

        @classmethod
        def model_json_schema(cls, ref_template, mode):
            return {
                "type": "object",
                "properties": {"n": {"$ref": ref_template.format(model="N")}},
                "$defs": {"N": {"type": "integer"}},
            }

        @classmethod
        def model_validate(cls, value):
            if not isinstance(value.get("n"), int):
                raise ValueError("n must be a number")
            return cls(value["n"])

        def model_dump_json(self):
            return f'{{"n": {self.n}}}'

    shape = shape_of(list[Model])
    assert shape.encode([Model(3)], "output") == [{"n": 3}]
    assert shape.decode([{"n": 4}], "x")[0].n == 4
    with pytest.raises(Misfit, match=r"x\[0\]: n must be a number"):
        shape.decode([{"n": "a"}], "x")
    defs = document_schema(shape, Mode.INPUT)["$defs"]
    assert defs["N"] == {"type": "integer"}
    assert defs["Model"]["properties"]["n"] == {"$ref": "#/$defs/N"}
