"""The keys of ``mmreg.yaml`` as Markdown, from the declarations themselves: the end of ``docs/mmreg-yaml.md``.

python -m mmreg.schemas.reference
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmreg.schemas.json_schema import Schema, json_schema

_PLACES = (
    ("", "Project"), ("lake", "LakeSpec"), ("budget", "Budget"), ("retention", "RetentionSpec"),
    ("emit", "EmitSpec"),
    ("models.NAME", "ModelSpec"), ("models.NAME.components.NAME", "ComponentSpec"),
    ("datasets.NAME", "DatasetSpec"), ("datasets.NAME.source", "SourceSpec"),
    ("datasets.NAME.source.limits", "Limits"), ("datasets.NAME.columns.NAME", "ColumnSpec"),
    ("passes.NAME", "PassSpec"), ("passes.NAME.sample", "SampleSpec"), ("passes.NAME.top", "TopSpec"),
    ("passes.NAME.band", "BandSpec"), ("trainings.NAME", "TrainingSpec"),
    ("trainings.NAME.data[]", "TrainingData"),
    ("checks.NAME[]", "CheckSpec"),
)  # fmt: skip


def reference() -> str:
    """A table of keys for each place that has keys of its own."""
    schema = json_schema()
    definitions = {**schema["$defs"], "Project": {**schema, "required": schema["then"]["required"]}}
    return "\n".join(line for place, name in _PLACES for line in _table(place, definitions[name]))


def _table(place: str, schema: Schema) -> Iterator[str]:
    yield f"### {f'`{place}`' if place else 'The file'}\n"
    yield "| key | value | default | |\n|---|---|---|---|"
    for key, value in schema["properties"].items():
        default = "required" if key in schema.get("required", ()) else _default(value)
        yield f"| `{key}` | {_type(value)} | {default} | {value.get('description', '')} |"
    yield ""


def _type(value: Schema) -> str:
    if "enum" in value:
        return ", ".join(f"`{option}`" for option in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if options := value.get("anyOf", value.get("oneOf")):
        return " or ".join(_type(option) for option in options if option.get("type") != "null")
    if "$ref" in value:
        return "map"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}s"
    words = {"string": "text", "integer": "whole number", "object": "map", "boolean": "`true`, `false`"}
    return words.get(value["type"], str(value["type"]))


def _default(value: Schema) -> str:
    default: Any = value.get("default")
    if default in (None, {}, []) or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    print(reference())
