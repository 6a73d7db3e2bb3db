"""Expectations about how the values of several columns stand to each other within a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.ignored import counting, ignored_in_pairs, ignored_in_rows
from mmreg.validators.expectations.rows import Cells, Question
from mmreg.validators.expectations.values import Bools, Kind, kind_of, missing, numbers, plain

Compare: TypeAlias = "Callable[[pa.Array[Any], pa.Array[Any]], Bools]"


def pair_equal(asked: Asked) -> Question:
    paths = _pair(asked)
    _alike(asked, paths, "integer", "number", "text", "truth", "time")
    return _compared(asked, paths, _equal, "pairs are not equal", "not equal")


def pair_greater(asked: Asked) -> Question:
    paths = _pair(asked)
    _alike(asked, paths, "integer", "number", "text", "time")
    failing = "is below B" if asked.flag("or_equal") else "is not above B"
    compare = _at_least if asked.flag("or_equal") else _above
    return _compared(asked, paths, compare, f"pairs: A {failing}", f"A {failing}")


def pair_in_set(asked: Asked) -> Question:
    paths = _pair(asked)
    for path in paths:
        if kind_of(asked.table.type(path)) not in ("integer", "text", "truth") and not _is_double(asked, path):
            raise ForGreatExpectations
    pairs = _pairs(asked)
    ignore = ignored_in_pairs(asked)

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        counts = counting([missing(column) for column in columns], ignore)
        rows = zip(*map(plain, columns), strict=True)
        known = np.fromiter((row in pairs for row in rows), np.bool_, len(counts))
        return counts & ~known, counts

    return Question(paths, judge, "pairs are not in the set", "not in the set")


def sum_equal(asked: Asked) -> Question:
    paths = asked.paths()
    total = asked.number("sum_total")
    floats = [path for path in paths if kind_of(asked.table.type(path)) != "integer"]
    if not all(_is_double(asked, path) for path in floats):
        raise ForGreatExpectations
    if floats and len(paths) > 2:  # which of two neighbouring floats is the sum depends on the order pandas adds in
        raise ForGreatExpectations
    ignore = ignored_in_rows(asked)

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        absent = [missing(column) for column in columns]
        complete = ~reduce(np.logical_or, absent)
        rows = pa.array(complete)
        sums = reduce(np.add, [_wide(numbers(column.filter(rows))) for column in columns])
        right = np.zeros_like(complete)
        right[complete] = sums == total
        counts = counting(absent, ignore)
        return counts & ~right, counts

    return Question(paths, judge, f"rows do not sum to {total:g}", f"the sum is not {total:g}")


def values_equal(asked: Asked) -> Question:
    paths = asked.paths()
    _alike(asked, paths, "integer", "number", "text", "truth", "time")
    ignore = ignored_in_rows(asked)

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        absent = [missing(column) for column in columns]
        equal = np.ones_like(absent[0])
        for column, gone in zip(columns[1:], absent[1:], strict=True):
            equal &= _where_present(columns[0], column, absent[0], gone, _equal) | (absent[0] & gone)
        counts = counting(absent, ignore)
        return counts & ~equal, counts

    return Question(paths, judge, "rows have different values", "not all equal")


def unique_within_record(asked: Asked) -> Question:
    paths = asked.paths()
    if not all(kind_of(asked.table.type(path)) in ("integer", "text") or _is_double(asked, path) for path in paths):
        raise ForGreatExpectations
    ignore = ignored_in_rows(asked)

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        counts = counting([missing(column) for column in columns], ignore)
        rows = zip(*map(plain, columns), strict=True)
        different = np.fromiter((len(set(row)) == len(row) for row in rows), np.bool_, len(counts))
        return counts & ~different, counts

    return Question(paths, judge, "rows have a value twice", "a value comes twice")


def _pair(asked: Asked) -> tuple[str, str]:
    return asked.path("column_A"), asked.path("column_B")


def _pairs(asked: Asked) -> set[tuple[Any, Any]]:
    found = set()
    for pair in asked.items("value_pairs_set"):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise asked.wrong("value_pairs_set", "needs pairs of values")
        if not all(one is None or isinstance(one, str | bool | int | float) for one in pair):
            raise ForGreatExpectations
        found.add((pair[0], pair[1]))
    return found


def _alike(asked: Asked, paths: Sequence[str], *kinds: Kind) -> None:
    """Pass where the columns can be compared here: numbers with numbers, all else with its own type."""
    types = [asked.table.type(path) for path in paths]
    found = {kind_of(dtype) for dtype in types}
    same = found <= {"integer", "number"} or len(set(types)) == 1
    if not same or not found <= set(kinds):
        raise ForGreatExpectations


def _is_double(asked: Asked, path: str) -> bool:
    return pa.types.is_float64(asked.table.type(path))


def _compared(asked: Asked, paths: tuple[str, str], compare: Compare, failing: str, reason: str) -> Question:
    ignore = ignored_in_pairs(asked)

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        absent = [missing(column) for column in columns]
        fine = _where_present(columns[0], columns[1], absent[0], absent[1], compare)
        counts = counting(absent, ignore)
        return counts & ~fine, counts

    return Question(paths, judge, failing, reason)


def _where_present(a: pa.Array[Any], b: pa.Array[Any], no_a: Bools, no_b: Bools, compare: Compare) -> Bools:
    """What ``compare`` says of each row; False where one of the two is missing."""
    both = ~(no_a | no_b)
    rows = pa.array(both)
    fine = np.zeros_like(both)
    fine[both] = compare(a.filter(rows), b.filter(rows))
    return fine


def _equal(a: pa.Array[Any], b: pa.Array[Any]) -> Bools:
    found: Bools = _flags(pc.equal(a, b)) if _is_text(a) else numbers(a) == numbers(b)
    return found


def _above(a: pa.Array[Any], b: pa.Array[Any]) -> Bools:
    found: Bools = _flags(pc.greater(a, b)) if _is_text(a) else numbers(a) > numbers(b)
    return found


def _at_least(a: pa.Array[Any], b: pa.Array[Any]) -> Bools:
    found: Bools = _flags(pc.greater_equal(a, b)) if _is_text(a) else numbers(a) >= numbers(b)
    return found


def _is_text(cells: pa.Array[Any]) -> bool:
    return kind_of(cells.type) == "text"


def _flags(found: Any) -> Any:
    return found.to_numpy(zero_copy_only=False)


def _wide(found: Any) -> Any:
    return found.astype(np.int64) if found.dtype.kind in "iu" else found
