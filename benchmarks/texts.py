"""A project of short texts, from one Parquet file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = (
    *("a", "red", "green", "blue", "small", "large", "square", "circle"),
    *("dog", "cat", "house", "tree", "above", "below", "beside", "near"),
)


def write(path: Path, start: int, count: int) -> None:
    """Texts of five to twelve words, numbered from ``start``, in a row group for every 65,536."""
    schema = pa.schema([("caption", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(start, start + count, 65_536):
            texts = [_text(number) for number in range(first, min(first + 65_536, start + count))]
            writer.write_table(pa.table([texts], schema=schema))


def declaration(passes: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset ``texts`` from ``texts.parquet``, with ``passes`` over it."""
    source = {"type": "parquet", "path": "texts.parquet"}
    return {
        "datasets": {"texts": {"source": source, "columns": {"caption": {"type": "text"}}}},
        "passes": dict(passes),
    }


def _text(number: int) -> str:
    words = [WORDS[number * 7 + step * (number % 13 + 1) & 15] for step in range(5 + number % 8)]
    return f"{number} {' '.join(words)}"
