"""docs/mmreg-yaml.md says what the code does."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.schemas.document import parse_project
from mmreg.schemas.expression import FUNCTIONS
from mmreg.schemas.json_schema import Schema, json_schema
from mmreg.schemas.located import Items, Node, Table, read
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.reference import reference


def test_the_tables_are_those_of_the_declarations(page: str) -> None:
    assert page.endswith(reference())


def test_every_key_is_described() -> None:
    schema = json_schema()
    for name, definition in {"Project": schema, **schema["$defs"]}.items():
        for key, value in definition["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_the_example_is_a_project(example: str) -> None:
    for profile in (None, "ci"):
        assert parse_project(example, "mmreg.yaml", profile).project == "webpairs"


def test_the_example_says_every_key(example: str) -> None:
    said = set(_keys(read(example, "mmreg.yaml")))
    schema = json_schema()
    places = {"Project": schema, **{k: v for k, v in schema["$defs"].items() if not k.startswith("Partial")}}
    assert {key for place in places.values() for key in place["properties"]} - said == {"fraction"}


def _keys(node: Node) -> Iterator[str]:
    if isinstance(node, Items):
        for item in node.nodes:
            yield from _keys(item)
    elif isinstance(node, Table):
        for key, entry in node.entries.items():
            yield key
            yield from _keys(entry.node)


def test_every_function_of_predicates_is_listed(page: str) -> None:
    assert all(f"`{function}`" in page for function in FUNCTIONS)


def test_the_operators_of_predicates_are_the_listed_ones(page: str) -> None:
    (line,) = [line for line in page.splitlines() if line.startswith("- `=  <>")]
    for operator in line.removeprefix("- `").removesuffix("`").split("  "):
        right = {"BETWEEN": "1 AND 2", "IN": "(1)", "LIKE": "'x'", "ILIKE": "'x'"}.get(operator, "b")
        text = {"IS NULL": "a IS NULL", "IS TRUE": "a IS TRUE", "NOT": "NOT a"}.get(operator, f"a {operator} {right}")
        assert Predicate.parse(text).columns[0] == "a"


def test_a_schema_is_a_value_of_its_own() -> None:
    first: Schema = json_schema()
    first.clear()
    assert json_schema()["title"] == "mmreg.yaml"
