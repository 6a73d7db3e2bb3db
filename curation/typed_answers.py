"""Answers that keep to a JSON Schema, as typed columns: each property of the schema is one."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pyarrow as pa

from mmreg.errors import MissingExtra, MmregError, UsageError
from mmreg.schemas.cells import values
from mmreg.schemas.refs import check_name

_SCALARS: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


class AnswerSchema:
    """``json_schema``: an object with ``properties``. All of them are required, others are refused.

    One that may be unknown has the type ``[string, "null"]``. Objects and arrays may be nested; what has no one type
    (``anyOf``, ``$ref``) has no column and is a `UsageError`.
    """

    def __init__(self, json_schema: object) -> None:
        self.json_schema = _closed("schema", json_schema)
        self.columns = pa.schema(_fields("schema", self.json_schema))
        for name in self.columns.names:
            _check_column(name)

    def parser(self) -> Callable[[str], dict[str, Any]]:
        """A function from a model's text to the row's values, which raises `Unfit`. Raises `MissingExtra`."""
        try:
            jsonschema: Any = importlib.import_module("jsonschema")  # it has no type hints
        except ImportError as error:
            raise MissingExtra("a caption with a schema", extra="mllm") from error
        try:
            jsonschema.Draft202012Validator.check_schema(self.json_schema)
        except jsonschema.SchemaError as error:
            raise UsageError(f"caption: 'schema' is no JSON Schema: {error.message}") from error
        validator = jsonschema.Draft202012Validator(self.json_schema)
        struct = pa.struct(list(self.columns))

        def parse(text: str) -> dict[str, Any]:
            answer = _loaded(text)
            wrong = jsonschema.exceptions.best_match(validator.iter_errors(answer))
            if wrong is not None:
                raise Unfit("unfit_answer", f"{wrong.json_path}: {wrong.message}")
            try:
                [row] = values(pa.array([answer], struct))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
                raise Unfit("unfit_answer", str(error)) from error
            fitting: dict[str, Any] = row
            return fitting

        return parse


class Unfit(Exception):
    """An answer that is not as the schema says; ``str()`` is the reason for its row, '<code>: <detail>'."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}"[:500])


def _loaded(text: str) -> Any:
    """The JSON in a text, also where a model put it between fences."""
    fenced = _FENCE.fullmatch(text.strip())
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit("malformed_json", str(error)) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _closed(path: str, node: object) -> dict[str, Any]:
    """An object of a schema with all its properties required and no others allowed, and so below."""
    if not isinstance(node, Mapping) or not isinstance(node.get("properties"), Mapping) or not node["properties"]:
        raise UsageError(
            f"caption: {path!r} must be an object with properties", hint="schema: {properties: {objects: {type: ...}}}"
        )
    properties = {str(name): _node(f"{path}.{name}", below) for name, below in node["properties"].items()}
    return {
        **node, "type": node.get("type", "object"), "properties": properties, "required": list(properties),
        "additionalProperties": False,
    }  # fmt: skip


def _node(path: str, node: object) -> dict[str, Any]:
    if not isinstance(node, Mapping):
        raise UsageError(f"caption: {path!r} must be a map such as {{type: string}}")
    kind = _kind(path, node)
    if kind == "object":
        return _closed(path, node)
    if kind == "array":
        return {**node, "items": _node(f"{path}[]", node.get("items"))}
    return dict(node)


def _fields(path: str, node: Mapping[str, Any]) -> list[pa.Field[Any]]:
    return [pa.field(name, _arrow(f"{path}.{name}", below)) for name, below in node["properties"].items()]


def _arrow(path: str, node: Mapping[str, Any]) -> pa.DataType:
    kind = _kind(path, node)
    if kind == "object":
        return pa.struct(_fields(path, node))
    if kind == "array":
        return pa.list_(_arrow(f"{path}[]", node["items"]))
    return _SCALARS[kind]


def _kind(path: str, node: Mapping[str, Any]) -> str:
    """The one type of a node, null left aside; that of its values for a bare ``enum`` of texts."""
    said = node.get("type", "string" if _all_texts(node.get("enum")) else None)
    kinds = [kind for kind in (said if isinstance(said, list | tuple) else [said]) if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in (*_SCALARS, "object", "array"):
        known = ", ".join([*_SCALARS, "object", "array"])
        raise UsageError(f"caption: {path!r} needs one type of {known}", hint='type: string, or type: [string, "null"]')
    return str(kinds[0])


def _all_texts(values: object) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)


def _check_column(name: str) -> None:
    try:
        check_name(name, "property")
    except MmregError as error:
        raise UsageError(f"caption: the property {name!r} can be no column: {error.message}") from error
    if "." in name or name in ("error", "sample_id", "parent", "source"):
        raise UsageError(f"caption: the property {name!r} can be no column", hint="give it another name in the schema")
