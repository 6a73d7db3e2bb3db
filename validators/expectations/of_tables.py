"""Expectations about a table: its rows, its columns and their types. They read no cells, or only which are missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.validators.expectations.answer import Answer
from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.bounds import Bounds, bounds_of
from mmreg.validators.expectations.measures import measured
from mmreg.validators.expectations.of_columns import column
from mmreg.validators.expectations.values import kind_of, missing
from mmreg.validators.table import Table


class Known:
    """What is known before any row is read."""

    paths: tuple[str, ...] = ()

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        """Never called: it reads nothing."""

    def answer(self) -> Answer:
        return self._answer


class Missing:
    """How many values a column has, and how many are missing."""

    def __init__(self, path: str, judge: Any) -> None:
        self.paths, self._judge = (path,), judge
        self._rows = self._missing = 0

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        self._rows += len(cells)
        self._missing += int(missing(cells).sum())

    def answer(self) -> Answer:
        found: Answer = self._judge(self._rows, self._missing)
        return found

    def state(self) -> Mapping[str, Any]:
        return {"rows": self._rows, "missing": self._missing}

    def merge(self, state: Mapping[str, Any]) -> None:
        self._rows += state["rows"]
        self._missing += state["missing"]


def row_count(asked: Asked) -> Known:
    asked.whole("min_value")
    asked.whole("max_value")
    return Known(measured("number of rows", asked.table.rows, bounds_of(asked)))


def row_count_equal(asked: Asked) -> Known:
    return Known(_equals("number of rows", asked.table.rows, asked.whole("value")))


def column_count(asked: Asked) -> Known:
    return Known(measured("number of columns", len(columns_of(asked.table)), bounds_of(asked, ordered=False)))


def column_count_equal(asked: Asked) -> Known:
    return Known(_equals("number of columns", len(columns_of(asked.table)), asked.whole("value")))


def columns_ordered(asked: Asked) -> Known:
    found = columns_of(asked.table)
    wanted = None if asked.get("column_list") is None else asked.items("column_list")
    good = wanted is None or wanted == found
    return Known(Answer(good, {"observed_value": found}, f"the columns are {', '.join(found)}"))


def columns_in_set(asked: Asked) -> Known:
    found = columns_of(asked.table)
    wanted = [] if asked.get("column_set") is None else asked.items("column_set")
    more, less = sorted(set(found) - set(wanted)), sorted(map(str, set(wanted) - set(found)))
    good = not less and not (more and asked.flag("exact_match", True))
    parts = [f"missing: {', '.join(less)}"] if less else []
    parts += [f"not in the set: {', '.join(more)}"] if more else []
    return Known(
        Answer(good, {"observed_value": sorted(found)}, "; ".join(parts) or "the columns are those of the set")
    )


def column_exists(asked: Asked) -> Known:
    found, name, index = columns_of(asked.table), asked.text("column"), asked.whole("column_index")
    if index:
        good = -len(found) <= index < len(found) and found[index] == name
        return Known(Answer(good, {}, f"column {index} is {'' if good else 'not '}{name}"))
    return Known(Answer(name in found, {}, f"there is {'a' if name in found else 'no'} column {name}"))


def non_null_share(asked: Asked) -> Missing:
    bounds = bounds_of(asked, ordered=False)
    return Missing(asked.path(), partial(_non_null_share, bounds))


def of_type(asked: Asked) -> Missing:
    path, dtype = column(asked, "integer", "number", "text")
    return Missing(path, partial(_of_type, dtype, asked.text("type_")))


def in_types(asked: Asked) -> Missing:
    path, dtype = column(asked, "integer", "number")
    return Missing(path, partial(_in_types, dtype, asked.texts("type_list")))


def type_is(asked: Asked) -> Missing:
    path, dtype = column(asked, "integer", "number", "truth")
    try:
        wanted = np.dtype(asked.text("type_"))
    except TypeError:
        raise ForGreatExpectations from None
    return Missing(path, partial(_type_is, dtype, wanted))


def columns_of(table: Table) -> list[str]:
    """The columns as GX is to see them: not those that mmreg keeps for itself, which begin with ``_``."""
    return [name for name in table.schema.names if not name.startswith("_")]


def _equals(what: str, found: int, wanted: int | None) -> Answer:
    good = found == wanted
    return Answer(good, {"observed_value": found}, f"the {what} is {found:,}" + ("" if good else f", not {wanted}"))


def _non_null_share(bounds: Bounds, rows: int, missing: int) -> Answer:
    return measured("share of values that are not missing", (rows - missing) / rows if rows else 0, bounds)


def _of_type(dtype: pa.DataType, wanted: str, rows: int, missing: int) -> Answer:
    held = str if kind_of(dtype) == "text" else _in_pandas(dtype, missing).type
    return _type_answer(held.__name__, held in _types(wanted))


def _in_types(dtype: pa.DataType, wanted: list[str], rows: int, missing: int) -> Answer:
    held = _in_pandas(dtype, missing)
    # numpy's equality: int64 equals int, but a float32 not float.
    return _type_answer(held.type.__name__, any(held == one for name in wanted for one in _types(name)))


def _type_is(dtype: pa.DataType, wanted: np.dtype[Any], rows: int, missing: int) -> Answer:
    held = _in_pandas(dtype, missing)
    return _type_answer(str(held), held == wanted)


def _type_answer(held: str, good: bool) -> Answer:
    return Answer(good, {"observed_value": held}, f"to pandas the type is {held}")


def _in_pandas(dtype: pa.DataType, missing: int) -> np.dtype[Any]:
    """numpy has no missing integers or booleans: with some of them a column is of floats, or of objects."""
    if missing and kind_of(dtype) in ("integer", "truth"):
        return np.dtype(np.float64 if kind_of(dtype) == "integer" else np.object_)
    return np.dtype(dtype.to_pandas_dtype())


_NATIVE: Mapping[str, type] = {
    "bool": bool, "int": int, "long": int, "float": float, "bytes": bytes, "complex": complex, "str": str,
    "string_types": str, "list": list, "dict": dict, "none": type(None),
}  # fmt: skip


def _types(name: str) -> set[type]:
    found: set[type] = set()
    with suppress(TypeError):  # the name of a type of pandas, that no such column is of
        found.add(np.dtype(name).type)
    return found | {native for key, native in _NATIVE.items() if key == name.lower()}
