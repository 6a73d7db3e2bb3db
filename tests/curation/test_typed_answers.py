"""Answers with a JSON Schema: typed columns, and nothing that is not as the schema says."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mmreg.curation.fake_server import fitting
from mmreg.curation.typed_answers import AnswerSchema, Unfit
from mmreg.errors import UsageError

SCHEMA = {
    "properties": {
        "objects": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer", "minimum": 0},
        "sharp": {"type": "number"},
        "indoors": {"type": "boolean"},
        "style": {"enum": ["photo", "drawing"]},
        "text": {"type": ["string", "null"]},
        "main": {"type": "object", "properties": {"name": {"type": "string"}, "area": {"type": "number"}}},
    }
}
GOOD: dict[str, Any] = {
    "objects": ["dog", "tree"], "count": 2, "sharp": 0.5, "indoors": False, "style": "photo", "text": None,
    "main": {"name": "dog", "area": 0.25},
}  # fmt: skip


def parse(text: str, schema: object = SCHEMA) -> dict[str, Any]:
    return AnswerSchema(schema).parser()(text)


def test_properties_become_columns() -> None:
    assert AnswerSchema(SCHEMA).columns == pa.schema(
        {
            "objects": pa.list_(pa.string()),
            "count": pa.int64(),
            "sharp": pa.float64(),
            "indoors": pa.bool_(),
            "style": pa.string(),
            "text": pa.string(),
            "main": pa.struct({"name": pa.string(), "area": pa.float64()}),
        }
    )


def test_the_schema_that_is_sent_is_closed_on_every_level() -> None:
    sent = AnswerSchema(SCHEMA).json_schema
    Draft202012Validator.check_schema(sent)
    for level in (sent, sent["properties"]["main"]):
        assert level["type"] == "object" and level["additionalProperties"] is False
        assert level["required"] == list(level["properties"])


def test_a_good_answer() -> None:
    assert parse(json.dumps(GOOD)) == GOOD
    assert parse(f"```json\n{json.dumps(GOOD, indent=1)}\n```\n") == GOOD
    assert parse(json.dumps(GOOD | {"sharp": 1, "text": "é"}))["sharp"] == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed_json: "),
        ("it is a dog", "malformed_json: "),
        ('{"objects": [', "malformed_json: "),
        ('{"a": 1} and more', "malformed_json: "),
        ('{"sharp": NaN}', "malformed_json: NaN is no JSON"),
        ("[" * 100_000, "malformed_json: "),
        ("[]", "unfit_answer: $: [] is not of type 'object'"),
        ("{}", "unfit_answer: $: 'objects' is a required property"),
        (json.dumps(GOOD | {"count": "two"}), "unfit_answer: $.count: 'two' is not of type 'integer'"),
        (json.dumps(GOOD | {"count": True}), "unfit_answer: $.count: True is not of type 'integer'"),
        (json.dumps(GOOD | {"count": -1}), "unfit_answer: $.count: -1 is less than the minimum"),
        (json.dumps(GOOD | {"count": 2**64}), "unfit_answer: "),
        (json.dumps(GOOD | {"style": "film"}), "unfit_answer: $.style: 'film' is not one of"),
        (json.dumps(GOOD | {"objects": [None]}), "unfit_answer: $.objects[0]: None is not of type 'string'"),
        (json.dumps(GOOD | {"main": {"name": "dog"}}), "unfit_answer: $.main: 'area' is a required property"),
        (json.dumps(GOOD | {"more": 1}), "unfit_answer: $: Additional properties are not allowed"),
    ],
)
def test_an_answer_that_does_not_fit(text: str, reason: str) -> None:
    with pytest.raises(Unfit) as told:
        parse(text)
    assert str(told.value).startswith(reason) and len(str(told.value)) <= 500


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "'schema' must be an object with properties"),
        ({"type": "string"}, "'schema' must be an object with properties"),
        ({"properties": {}}, "'schema' must be an object with properties"),
        ({"properties": {"a": "string"}}, r"'schema\.a' must be a map"),
        ({"properties": {"a": {}}}, r"'schema\.a' needs one type of string, integer, "),
        ({"properties": {"a": {"type": "text"}}}, r"'schema\.a' needs one type"),
        ({"properties": {"a": {"type": ["string", "integer"]}}}, r"'schema\.a' needs one type"),
        ({"properties": {"a": {"anyOf": [{"type": "string"}]}}}, r"'schema\.a' needs one type"),
        ({"properties": {"a": {"enum": ["x", 1]}}}, r"'schema\.a' needs one type"),
        ({"properties": {"a": {"type": "array"}}}, r"'schema\.a\[\]' must be a map"),
        ({"properties": {"a": {"type": "array", "items": {"type": "object"}}}}, r"'schema\.a\[\]' must be an object"),
        ({"properties": {"error": {"type": "string"}}}, "the property 'error' can be no column"),
        ({"properties": {"a.b": {"type": "string"}}}, r"the property 'a\.b' can be no column"),
        ({"properties": {"_a": {"type": "string"}}}, "the property '_a' can be no column"),
    ],
)
def test_a_schema_that_makes_no_columns(schema: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AnswerSchema(schema)


def test_a_schema_that_is_none() -> None:
    with pytest.raises(UsageError, match="'schema' is no JSON Schema"):
        AnswerSchema({"properties": {"a": {"type": "integer", "minimum": "low"}}}).parser()


SCALARS = st.sampled_from([{"type": kind} for kind in ("string", "integer", "number", "boolean")])
NODES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda node: {"type": "array", "items": node}, inner)
        | st.builds(
            lambda nodes: {"type": "object", "properties": nodes},
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), NODES, min_size=1))
def test_whatever_fits_comes_back_as_it_was(properties: dict[str, Any]) -> None:
    schema = AnswerSchema({"properties": properties})
    answer = fitting(schema.json_schema, "seed")
    assert schema.parser()(json.dumps(answer)) == answer
