"""The JSON Schema of ``mmreg.yaml``, and which keys it allows where."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from mmreg.schemas.compose import WITH_DEFAULTS
from mmreg.schemas.declaration import ProjectSpec
from mmreg.schemas.located import Items, Node, Position, Table
from mmreg.schemas.suggest import did_you_mean

Schema = dict[str, Any]
_PARTIAL = "Partial"


def json_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a project file.

    Where a file has defaults or profiles, an entry may lack what those bring: then no key is required.
    """
    return copy.deepcopy(_json_schema())


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the map at ``path`` may have; none where it may have any."""
    schemas = [_resolved(_json_schema())]
    for step in path:
        schemas = [below for schema in schemas for below in _below(schema, step)]
    if any(schema.get("additionalProperties") is True for schema in schemas):
        return []
    return sorted({key for schema in schemas for key in schema.get("properties", {})})


def unknown_keys(tree: Table, parts: tuple[str, ...]) -> Iterator[tuple[Position, str]]:
    """Keys below the top-level ``parts`` of ``tree`` that mean nothing, also in unused parts."""
    for part in parts:
        if part in tree.entries:
            yield from _unknown(tree.entries[part].node, (part,))


def _unknown(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[Position, str]]:
    if isinstance(node, Items):
        for index, item in enumerate(node.nodes):
            yield from _unknown(item, (*path, index))
    elif isinstance(node, Table):
        allowed = keys_at(path)
        for key, entry in node.entries.items():
            if allowed and key not in allowed:
                yield entry.at, f"unknown key {key!r}{did_you_mean(key, allowed)}"
            else:
                yield from _unknown(entry.node, (*path, key))


@cache
def _json_schema() -> Schema:
    schema = _closed(ProjectSpec.model_json_schema(by_alias=True))
    definitions = schema.pop("$defs")
    partial = _partial({**definitions, "Project": schema})
    profiles = {"type": "object", "additionalProperties": {"$ref": "#/$defs/PartialProject"}}
    defaults = {kind: _values(partial["PartialProject"]["properties"][kind]) for kind in WITH_DEFAULTS}
    extra = {
        "include": {
            "type": "array", "items": {"type": "string"},
            "description": "files merged into this one, relative to it",
        },
        "defaults": {
            "type": "object", "properties": defaults, "additionalProperties": False,
            "description": "values put under every entry of a kind that does not have them",
        },
        "profiles": {**profiles, "description": "named changes, laid over the file by --profile"},
    }  # fmt: skip
    partial["PartialProject"]["properties"]["defaults"] = extra["defaults"]
    incomplete = {"anyOf": [{"required": [key]} for key in extra]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mmreg.yaml",
        "type": "object",
        "properties": {**partial["PartialProject"]["properties"], **extra},
        "additionalProperties": False,
        "if": {"not": incomplete},
        "then": {"properties": schema["properties"], "required": schema["required"]},
        "$defs": {**definitions, **partial},
    }


def _closed(schema: Any) -> Any:
    """``schema`` with maps of named things refusing bad names, as the parser does."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if "patternProperties" in closed else closed


def _partial(definitions: Schema) -> Schema:
    """The same definitions, in which nothing is required."""

    def loosen(schema: Any) -> Any:
        if isinstance(schema, list):
            return [loosen(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        loose = {key: loosen(value) for key, value in schema.items() if key != "required"}
        if isinstance(reference := loose.get("$ref"), str):
            loose["$ref"] = reference.replace("#/$defs/", f"#/$defs/{_PARTIAL}")
        return loose

    return {f"{_PARTIAL}{name}": loosen(schema) for name, schema in definitions.items()}


def _values(named: Schema) -> Schema:
    """What stands under each name of a map; for a list of things, one of them."""
    (value,) = named["patternProperties"].values()
    return dict(value.get("items", value))


def _below(schema: Schema, step: str | int) -> Iterator[Schema]:
    for option in _options(schema):
        if isinstance(step, int):
            below = [option.get("items")]
        elif step in option.get("properties", {}):
            below = [option["properties"][step]]
        else:
            below = [*option.get("patternProperties", {}).values(), option.get("additionalProperties")]
        yield from (deeper for part in below if isinstance(part, dict) for deeper in _options(part))


def _options(schema: Schema) -> Iterator[Schema]:
    schema = _resolved(schema)
    yield schema
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _options(part)


def _resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = _json_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema
