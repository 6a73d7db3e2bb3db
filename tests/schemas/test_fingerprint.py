"""Fingerprints move with the value of a cell and with nothing else: not its neighbours, its width or its chunk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.schemas.arrow import media_type
from mmreg.schemas.fingerprint import (
    NOTHING,
    cell_fingerprints,
    light_columns,
    output_prints,
    row_fingerprints,
)

LONG = st.integers(-(2**63), 2**63 - 1)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int": (pa.int64(), LONG),
    "small": (pa.int8(), st.integers(-128, 127)),
    "unsigned": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "half": (pa.float16(), st.sampled_from([0.0, 0.5, -2.0, 1024.0])),
    "bool": (pa.bool_(), st.booleans()),
    "time": (pa.timestamp("us", tz="UTC"), st.integers(0, 2**40).map(lambda s: datetime.fromtimestamp(s / 1e3, UTC))),
    "day": (pa.date32(), st.dates()),
    "text": (pa.string(), st.text(max_size=5)),
    "bytes": (pa.binary(), st.binary(max_size=5)),
    "vector": (pa.list_(pa.float32(), 2), st.lists(st.sampled_from([0.0, 1.5, -3.0]), min_size=2, max_size=2)),
    "list": (pa.list_(pa.int32()), st.lists(st.integers(0, 3) | st.none(), max_size=3)),
    "words": (pa.list_(pa.string()), st.lists(st.sampled_from(["", "a", "ab"]), max_size=3)),
    "struct": (
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        st.fixed_dictionaries({"a": st.integers(0, 2) | st.none(), "b": st.sampled_from(["", "x"]) | st.none()}),
    ),
    "decimal": (pa.decimal128(9, 2), st.decimals(0, 1000, places=2)),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_equal_cells_have_equal_prints_and_others_others(kind: str, data: st.DataObject) -> None:
    dtype, cells = KINDS[kind]
    found = data.draw(st.lists(cells | st.none(), max_size=12))
    column = pa.array(found, dtype)
    prints = cell_fingerprints(column).tolist()
    by_value = {repr(cell): number for cell, number in zip(column.to_pylist(), prints, strict=True)}
    assert [by_value[repr(cell)] for cell in column.to_pylist()] == prints
    assert len(set(by_value.values())) == len(by_value)
    assert all((number == 0) == (cell is None) for cell, number in zip(found, prints, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_cell_counts_alone(kind: str, data: st.DataObject) -> None:
    """Whatever is beside it, before it in its buffer, and however the column is cut."""
    dtype, cells = KINDS[kind]
    column = pa.array(data.draw(st.lists(cells | st.none(), min_size=1, max_size=12)), dtype)
    whole = cell_fingerprints(column).tolist()
    assert [int(cell_fingerprints(column.slice(place, 1))[0]) for place in range(len(column))] == whole
    cut = data.draw(st.integers(0, len(column)))
    assert cell_fingerprints(pa.chunked_array([column.slice(0, cut), column.slice(cut)])).tolist() == whole


@given(st.lists(st.integers(-128, 127), max_size=8))
def test_numbers_count_by_value_not_by_width(numbers: list[int]) -> None:
    prints = [cell_fingerprints(pa.array(numbers, dtype)).tolist() for dtype in (pa.int8(), pa.int32(), pa.int64())]
    assert prints[0] == prints[1] == prints[2]
    floats = [
        cell_fingerprints(pa.array(map(float, numbers), dtype)).tolist() for dtype in (pa.float32(), pa.float64())
    ]
    assert floats[0] == floats[1]


def test_media_count_by_their_digest() -> None:
    image = media_type("image")
    cells = [{"bytes": b"1", "sha256": b"a" * 32}, {"bytes": b"2", "sha256": b"a" * 32}, None]
    table = pa.table({"image": pa.array(cells, image), "many": pa.array([cells[:1], cells[1:], None], pa.list_(image))})
    assert light_columns(table.schema, table.schema.names) == ["image.sha256", "many"]
    first, second, third = row_fingerprints(table, ["image.sha256"]).tolist()
    assert first == second != third == 0
    assert len(set(row_fingerprints(table, ["many"]).tolist())) == 3
    flat = pa.table({"image.sha256": pa.array([b"a" * 32], pa.binary(32))})
    assert row_fingerprints(flat, ["image.sha256"]).tolist() == [first]


def test_inputs_count_in_their_order() -> None:
    table = pa.table({"a": ["x", "y"], "b": ["y", "x"]})
    forth, back = row_fingerprints(table, ["a", "b"]), row_fingerprints(table, ["b", "a"])
    assert forth[0] == back[1] and forth[0] != back[0]
    assert row_fingerprints(table, ["a"]).tolist() == cell_fingerprints(table["a"]).tolist()


def test_outputs_count_in_any_order_and_under_any_name() -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", "y", None]})
    prints = output_prints(table, ["a", "b"])
    assert prints.dtype == np.uint16
    assert prints.tolist() == output_prints(table.rename_columns(["z", "y"]), ["y", "z"]).tolist()
    assert prints[2] == NOTHING and NOTHING not in prints[:2]
    assert len(set(prints.tolist())) == 3
    assert output_prints(table, []).tolist() == [NOTHING] * 3


def test_16_bits_are_spread() -> None:
    """Of 10,000 other values about one in 65,536 looks the same."""
    prints = output_prints(pa.table({"n": range(10_000)}), ["n"])
    assert np.bincount(prints).max() <= 6
