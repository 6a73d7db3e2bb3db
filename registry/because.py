"""A decision in words: the condition that made it, and the cells of the sample that it was made by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmreg.registry.decisions import Decided
from mmreg.schemas.expression import Binary, Column, Literal
from mmreg.schemas.predicate import Predicate

_ASKED = ("all_of", "any_of", "none_of", "where", "band", "top", "sample", "mix")
"""What the reasons of built-in selections begin with."""
_OPPOSITES = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True)
class Conditions:
    """What a decision went by: ``parts`` of a predicate, ``ranked`` columns with what was asked of their ranks, and
    ``others``: what holds of a sample that was kept, whatever its cells."""

    parts: tuple[Predicate, ...]
    ranked: Mapping[str, str]
    others: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        named = [column for part in self.parts for column in part.columns]
        return list(dict.fromkeys([*named, *self.ranked]))


def conditions(recipe: Mapping[str, Any], reason: str | None) -> Conditions:
    """What a selection of ``recipe`` went by to drop a row for ``reason``, or, where that is None, to keep it."""
    parts = Predicate.parse(recipe["where"]).conjuncts() if recipe.get("where") else ()
    ranked = {}
    if band := recipe.get("band"):
        low, high = band.get("low", 0.0), band.get("high", 1.0)
        ranked["band"] = (band["column"], f"between its {low:g} and {high:g} quantiles")
    if top := recipe.get("top"):
        asked = f"{top['rows']:,} rows" if top.get("rows") else f"{top['fraction']:g}"
        ranked["top"] = (top["column"], f"among the top {asked}")
    if reason is None:
        return Conditions(parts, {column: said for column, said in ranked.values()}, tuple(_others(recipe)))
    kind = reason.partition(":")[0]
    if kind in ranked:
        column, _ = ranked[kind]
        said = reason.removeprefix(f"{kind}: {column} ").removeprefix("is ").removeprefix("lies ")
        return Conditions((), {column: said})
    failed = tuple(part for part in parts if reason == f"where: {part.text}")
    return Conditions(failed or (() if kind in _ASKED else parts), {})


def because(goes_by: Conditions, decided: Decided, cells: Mapping[str, Any], split: str | None) -> str:
    """The decision about one sample, as the end of a sentence."""
    said = [condition(part, cells, decided.kept) for part in goes_by.parts]
    for column, rank in goes_by.ranked.items():
        said.append(f"{column} {_value(cells.get(column, decided.score))} is {rank}")
    said += goes_by.others
    if decided.reason is not None:
        kind, _, text = decided.reason.partition(": ")
        if kind not in _ASKED:  # a filter of one's own said it
            said = [decided.reason]
        elif kind not in ("where", "band", "top"):
            said = [text]
    if split is not None:
        said.append(f"it falls into split {split!r}")
    return " and ".join(said) or "nothing was asked of it"


def _others(recipe: Mapping[str, Any]) -> Iterator[str]:
    for operator, said in (("all_of", "in all of"), ("any_of", "in one of"), ("none_of", "in none of")):
        if names := recipe.get(operator):
            yield f"it is {said} {', '.join(names)}"
    if recipe.get("sample") or recipe.get("use") == "mix":
        yield "it was drawn"


def condition(part: Predicate, cells: Mapping[str, Any], kept: bool) -> str:
    """One part of a predicate as it held, or not, for these cells."""
    match part.expression:
        case Binary(operator, Column(), Literal()) if operator in _OPPOSITES and cells.keys() >= set(part.columns):
            (column,) = part.columns
            value = cells.get(column)
            if value is None or (isinstance(value, float) and math.isnan(value)):
                return f"{column} is {_value(value)}, so {part.text} does not hold"
            if isinstance(value, bool):
                return f"{column} is {_value(value)}"
            literal = part.text.partition(f" {operator} ")[2]
            return f"{column} {_value(value)} {operator if kept else _OPPOSITES[operator]} {literal}"
    told = ", ".join(f"{column} {_value(cells.get(column))}" for column in part.columns if column in cells)
    return f"{part.text} {'holds' if kept else 'does not hold'}" + (f" ({told})" if told else "")


def _value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return "NaN" if math.isnan(value) else f"{value:.6g}"
        case str():
            return repr(value if len(value) <= 60 else f"{value[:59]}…")
    return str(value)
