"""Columns that come, go, change names and types, beside rows that come and go: always what a plain dict says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lance.fragment import write_fragments

from mmreg.registry.operations.columns import CellPublisher
from mmreg.registry.operations.rows import change_rows
from mmreg.registry.operations.schema import SchemaChange, change_schema

NAMES = [f"c{number}" for number in range(5)]
NARROW, WIDE = pa.int32(), pa.int64()


class Columns(RuleBasedStateMachine):
    """``rows`` maps a row id to its cells by column, ``types`` the columns to their types."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.uri = str(self.folder / "table.lance")
        self.types: dict[str, pa.DataType] = {"key": WIDE, "c0": NARROW}
        self.rows: dict[int, dict[str, int | None]] = {}
        self.next = 100

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        first = pa.table({"key": pa.array(range(6), WIDE), "c0": pa.array(range(6), NARROW)})
        lance.write_dataset(first, self.uri, max_rows_per_file=3, enable_stable_row_ids=True)
        self.rows = {number: {"key": number, "c0": number} for number in range(6)}

    def commit(self, operation: lance.LanceOperation.BaseOperation) -> None:
        transaction = lance.Transaction(lance.dataset(self.uri).version, operation)
        lance.LanceDataset.commit(self.uri, transaction, max_retries=0, enable_stable_row_ids=True)

    def change(self, change: SchemaChange) -> None:
        self.commit(change_schema(lance.dataset(self.uri), change))

    @rule(name=st.sampled_from(NAMES), dtype=st.sampled_from([NARROW, WIDE]))
    def add(self, name: str, dtype: pa.DataType) -> None:
        if name in self.types:
            return
        self.change(SchemaChange(added=(pa.field(name, dtype),)))
        self.types[name] = dtype
        for row in self.rows.values():
            row[name] = None

    @rule(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, old: str, new: str) -> None:
        if old not in self.types or new in self.types:
            return
        self.change(SchemaChange(renamed={old: new}))
        self.types[new] = self.types.pop(old)
        for row in self.rows.values():
            row[new] = row.pop(old)

    @rule(old=st.sampled_from(NAMES), dropped=st.sampled_from(NAMES), added=st.sampled_from(NAMES))
    def widen_drop_and_add_at_once(self, old: str, dropped: str, added: str) -> None:
        if self.types.get(old) != NARROW or dropped not in self.types or added in self.types or old == dropped:
            return
        change = SchemaChange((pa.field(added, WIDE),), {}, {old: pa.field(old, WIDE)}, frozenset({dropped}))
        self.change(change)
        del self.types[dropped]
        self.types |= {old: WIDE, added: WIDE}
        for row in self.rows.values():
            del row[dropped]
            row[added] = None

    @rule(name=st.sampled_from(NAMES), every=st.integers(1, 3))
    def fill(self, name: str, every: int) -> None:
        wanted = {row: self.next + place for place, row in enumerate(sorted(self.rows)) if place % every == 0}
        if name not in self.types or not wanted:
            return
        self.next += len(self.rows)
        columns = pa.schema([pa.field(name, self.types[name])])

        def results(row_ids: Any) -> pa.Table | None:
            here = [row for row in row_ids.tolist() if row in wanted]
            cells = pa.array([wanted[row] for row in here], self.types[name])
            return pa.table({"_rowid": pa.array(here, pa.uint64()), name: cells}) if here else None

        prepared = CellPublisher(columns, results).operation(lance.dataset(self.uri))
        assert prepared is not None
        self.commit(prepared.operation)
        for row, cell in wanted.items():
            self.rows[row][name] = cell

    @rule(leaving=st.integers(0, 2))
    def rows_come_and_go(self, leaving: int) -> None:
        table = lance.dataset(self.uri)
        new: dict[str, int | None] = {name: self.next + place for place, name in enumerate(self.types)}
        self.next += len(new)
        arrays = {name: pa.array([new[name]], dtype) for name, dtype in self.types.items()}
        fragments: Any = write_fragments(pa.table(arrays), self.uri, mode="append", enable_stable_row_ids=True)
        gone = sorted(self.rows)[:leaving]
        self.commit(change_rows(table, fragments, np.array(gone, np.uint64)))
        known = set(self.rows)
        for row in gone:
            del self.rows[row]
        there = lance.dataset(self.uri).to_table(columns=["key"], with_row_id=True)
        (added,) = set(there["_rowid"].to_pylist()) - known
        self.rows[added] = new

    @invariant()
    def it_is_what_a_dict_says(self) -> None:
        if not self.rows:
            return
        table = lance.dataset(self.uri)
        assert {field.name: field.type for field in table.schema} == self.types
        found: Mapping[int, Any] = {row.pop("_rowid"): row for row in table.to_table(with_row_id=True).to_pylist()}
        assert found == self.rows


Columns.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestColumns = Columns.TestCase
