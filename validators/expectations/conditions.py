"""Conditions on rows (``row_condition``). pandas runs calls in them, and some write files: they may only compare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmreg.errors import UsageError
from mmreg.validators.expectations.arguments import Asked

_WORDS = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_COMPARISON = (
    ast.Expression, ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator, ast.Compare, ast.cmpop,
    ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip


def condition_columns(asked: Asked) -> list[str]:
    """The columns that the condition may be about: those it names, and every word in a text that is a column's name.

    Raises `UsageError` for a condition that does anything but compare.
    """
    condition = asked.get("row_condition")
    parsed = str(asked.get("condition_parser", "")).startswith("great_expectations")
    found = []
    for text in [] if isinstance(condition, str) and parsed else _texts(condition):
        if not _only_compares(text):
            raise UsageError(
                f"{asked.spec.check}: row_condition: {text!r} does more than to compare columns and values",
                hint="row_condition: 'width > 64 and split == \"train\"'",
            )
    for name in _names(condition):
        asked.table.type(name)  # or UsageError: into the text that pandas runs go names of columns alone
        found.append(name)
    words = [condition] if isinstance(condition, str) else list(_texts(condition))
    return found + [word for text in words for word in _WORDS.findall(text) if _is_column(asked, word)]


def _texts(condition: Any) -> Iterator[str]:
    """What pandas reads as code."""
    match condition:
        case str():
            yield condition
        case Mapping():
            if isinstance(text := condition.get("pass_through_filter"), str):
                yield text
            for one in condition.get("conditions") or ():
                yield from _texts(one)


def _names(condition: Any) -> Iterator[str]:
    """The columns of a condition as GX writes it into a suite."""
    if isinstance(condition, Mapping):
        column = condition.get("column")
        if isinstance(column, Mapping) and isinstance(name := column.get("name"), str):
            yield name
        for one in condition.get("conditions") or ():
            yield from _names(one)


def _only_compares(text: str) -> bool:
    try:
        nodes = ast.walk(ast.parse(text.strip(), mode="eval"))
        return all(isinstance(node, _COMPARISON) for node in nodes)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_column(asked: Asked, path: str) -> bool:
    try:
        asked.table.key(path)
    except UsageError:
        return False
    return True
