"""``mmreg.yaml`` as a `ProjectSpec`, or a `SpecError` that says where and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmreg.errors import SpecError
from mmreg.schemas.compose import apply_profile, assemble, fill_defaults, read_text
from mmreg.schemas.declaration import ProjectSpec
from mmreg.schemas.declared import Wrong
from mmreg.schemas.json_schema import json_schema, keys_at, unknown_keys
from mmreg.schemas.located import MAX_VALUES, Items, Node, Position, Scalar, Table, find, plain, value_at
from mmreg.schemas.names import all_roots, contradictions, roots_of
from mmreg.schemas.suggest import did_you_mean

__all__ = [
    "Document",
    "all_roots",
    "check",
    "json_schema",
    "load_document",
    "load_project",
    "parse_document",
    "parse_project",
    "read_document",
    "roots_of",
]

Path_ = tuple[str | int, ...]

MAX_SHOWN = 10
"""Errors told at once."""

_EXPECTED = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "tuple_type": "a list", "dict_type": "a map",
    "model_type": "a map", "model_attributes_type": "a map",
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A project's declaration and where each part of it was said."""

    spec: ProjectSpec
    tree: Table = field(repr=False)

    def locate(self, *path: str | int, key: bool = True) -> Position:
        """Where ``path`` (``"passes", "clip", "from"``) was declared; its nearest parent where it was not."""
        return find(self.tree, path, key=key)


def load_project(path: Path, profile: str | None = None) -> ProjectSpec:
    """The declaration in the file ``path``, seen through ``profile``."""
    return load_document(path, profile).spec


def load_document(path: Path, profile: str | None = None) -> Document:
    """`load_project`, with the places of everything."""
    return parse_document(read_text(path), str(path), profile)


def parse_project(text: str, file: str = "mmreg.yaml", profile: str | None = None) -> ProjectSpec:
    """The declaration in ``text``; ``file`` is its name in messages and what its includes are relative to."""
    return parse_document(text, file, profile).spec


def parse_document(text: str, file: str = "mmreg.yaml", profile: str | None = None) -> Document:
    """`parse_project`, with the places of everything."""
    return read_document(assemble(text, Path(file)), profile)


def read_document(whole: Table, profile: str | None = None) -> Document:
    """The declaration in an assembled tree."""
    _raise([at.error(message) for at, message in unknown_keys(whole, ("profiles", "defaults"))])
    tree = fill_defaults(apply_profile(whole, profile))
    if tree.size > MAX_VALUES:
        raise tree.at.error(f"includes and defaults make more than {MAX_VALUES} values")
    spec = _validated(tree)
    _raise([find(tree, wrong.path, key=wrong.key).error(str(wrong)) for wrong in contradictions(spec)])
    return Document(spec, tree)


def check(spec: ProjectSpec) -> ProjectSpec:
    """``spec``, built in Python, if its names fit together; `SpecError` where they do not."""
    for wrong in contradictions(spec):
        raise SpecError(f"{'.'.join(map(str, wrong.path))}: {wrong}")
    return spec


def _validated(tree: Table) -> ProjectSpec:
    try:
        return ProjectSpec.model_validate(plain(tree), by_alias=True, by_name=False)
    except ValidationError as error:
        found = [_problem(tree, details) for details in error.errors(include_url=False) if not _follows(tree, details)]
    raise _together(found)


def _follows(tree: Table, details: Mapping[str, Any]) -> bool:
    """Whether this only says that a list is too short because its wrong items, told by themselves, did not count."""
    node = value_at(tree, details["loc"])
    return details["type"] == "too_short" and isinstance(node, Items) and bool(node.nodes)


def _problem(tree: Table, details: Mapping[str, Any]) -> SpecError:
    """One finding of pydantic, in our words and at its place."""
    path: Path_ = tuple(step for step in details["loc"] if not str(step).startswith("<"))
    node = value_at(tree, path)
    match details["type"]:
        case "extra_forbidden":
            key = str(path[-1])
            return find(tree, path, key=True).error(f"unknown key {key!r}{did_you_mean(key, keys_at(path[:-1]))}")
        case "missing":
            return find(tree, path[:-1], key=True).error(f"the key {path[-1]!r} is missing")
        case "literal_error":
            allowed = re.findall(r"'([^']*)'", details["ctx"]["expected"]) or [details["ctx"]["expected"]]
            return find(tree, path).error(f"{_shown(node)} is not allowed here{did_you_mean(_shown(node), allowed)}")
        case "too_short":
            least = details["ctx"]["min_length"]
            return find(tree, path).error(f"expected at least {least} item{'s' * (least > 1)}")
        case "value_error":
            return _wrong(tree, path, details["ctx"]["error"])
        case kind if kind in _EXPECTED:
            number = kind == "string_type" and isinstance(node, Scalar) and isinstance(node.value, int | float)
            quote = "; put it in quotes" if number else ""
            return find(tree, path).error(f"expected {_EXPECTED[kind]}, not {_shown(node)}{quote}")
    return find(tree, path).error(details["msg"][:1].lower() + details["msg"][1:])


def _wrong(tree: Table, path: Path_, error: ValueError) -> SpecError:
    if path and path[-1] == "[key]":
        return find(tree, path[:-1], key=True).error(str(error))
    if not isinstance(error, Wrong):
        return find(tree, path, key=isinstance(value_at(tree, path), Table)).error(str(error))
    at = find(tree, (*path, *error.path), key=error.key)
    if error.secret:
        return SpecError(str(error), file=at.source.file, line=at.line, column=at.column)
    return at.error(str(error))


def _shown(node: Node | None) -> str:
    match node:
        case Scalar(value=str() as text):
            return repr(text) if len(text) <= 60 else f"the text {text[:57]!r}..."
        case Scalar(value=value):
            return "nothing" if value is None else str(value).lower()
        case Table():
            return "a map"
        case _:
            return "a list"


def _raise(found: Sequence[SpecError]) -> None:
    if found:
        raise _together(found)


def _together(found: Iterable[SpecError]) -> SpecError:
    """The first error in the order of the file, the others told in its message."""
    unique = {str(error): error for error in sorted(found, key=lambda e: (e.file or "", e.line or 0, e.column or 0))}
    first, *others = unique.values()
    shown = [str(error) for error in others[: MAX_SHOWN - 1]]
    if len(others) >= MAX_SHOWN:
        shown.append(f"and {len(others) - MAX_SHOWN + 1} more")
    first.message = "\n".join([first.message, *shown])
    first.args = (first.message,)
    return first
