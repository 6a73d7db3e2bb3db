"""Plain Lance tables, and their commits: a canary knows nothing of mmreg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

Make = Callable[..., lance.LanceDataset]
Commit = Callable[..., lance.LanceDataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A table of the numbers below ``rows`` and their texts, ``per_fragment`` of them in each, with stable row ids."""

    def table(rows: int = 9, per_fragment: int = 3, name: str = "t") -> lance.LanceDataset:
        uri = str(tmp_path / f"{name}.lance")
        return lance.write_dataset(
            numbers(range(rows)), uri, enable_stable_row_ids=True, max_rows_per_file=per_fragment
        )

    return table


@pytest.fixture
def commit() -> Commit:
    """Commit an operation as mmreg does: on exactly the version that it was made for, without Lance's own retries."""

    def land(table: lance.LanceDataset, operation: Any, **options: Any) -> lance.LanceDataset:
        settings = {"max_retries": 0, **options}
        return lance.LanceDataset.commit(table.uri, lance.Transaction(table.version, operation), **settings)

    return land


@pytest.fixture
def number_table() -> Callable[[Sequence[int]], pa.Table]:
    return numbers


def numbers(values: Sequence[int]) -> pa.Table:
    return pa.table({"number": pa.array(values, pa.int64()), "text": pa.array([f"text {v}" for v in values])})
