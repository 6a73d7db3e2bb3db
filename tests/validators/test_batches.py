"""How rows are cut into batches never shows in a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.schemas.arrow import STATE, media_type
from mmreg.schemas.check import CheckResult

PIXEL = bytes.fromhex("424d1e000000000000001a0000000c000000010001000100180000000000")
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | st.sampled_from(["a", "b", ""]),
        "number": st.none() | st.floats(width=32),
        "image": st.none() | st.fixed_dictionaries({"bytes": st.sampled_from([None, b"", b"BM", PIXEL])}),
        "_mmreg_p": st.none()
        | st.fixed_dictionaries(
            {"generation": st.integers(1, 3), "state": st.integers(1, 2), "error": st.none() | st.just("e")}
        ),
    }
)
TYPES = {"text": pa.string(), "number": pa.float32(), "image": media_type("image"), "_mmreg_p": STATE}


@pytest.mark.parametrize(
    "declared",
    [
        {"check": "not_null", "column": "text"},
        {"check": "not_null", "column": "image.width"},
        {"check": "unique", "column": "number"},
        {"check": "unique", "columns": ["text", "number"]},
        {"check": "range", "column": "number", "min_value": -1, "max_value": 1},
        {"check": "row_count", "min_value": 3},
        {"check": "present", "column": "text", "nullable": False},
        {"check": "one_of", "column": "text", "values": ["a"]},
        {"check": "matches", "column": "text", "pattern": "a"},
        {"check": "length", "column": "text", "min_value": 1},
        {"check": "finite", "column": "number"},
        {"check": "utf8", "column": "text"},
        {"check": "paired", "columns": ["text", "image"]},
        {"check": "boilerplate", "column": "text", "max_share": 0.3},
        {"check": "quantiles", "column": "number", "at_least": {0.1: -1.0}},
        {"check": "image_decodes", "column": "image"},
        {"check": "lineage.single_generation", "column": "number"},
    ],
    ids=lambda declared: "-".join(str(value) for value in declared.values()),
)
@given(rows=st.lists(ROW, max_size=20), cuts=st.lists(st.integers(0, 99), max_size=6))
@settings(deadline=None)
def test_cuts_do_not_show(
    judge: Callable[..., CheckResult], declared: dict[str, Any], rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    columns = {name: pa.array([row[name] for row in rows], dtype) for name, dtype in TYPES.items()}
    producers = {"number": "p"}
    assert judge(columns, cuts, producers, **declared) == judge(columns, (), producers, **declared)
