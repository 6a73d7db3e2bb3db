"""Decisions are kept for each row that a selection looked at, before its version is there, in a few bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import StorageError
from mmreg.registry import decisions as module
from mmreg.registry.decisions import Decisions, DecisionsOf, read_decisions, write_decisions
from mmreg.registry.store_local import LocalStore
from mmreg.schemas.run import Job, Run, RunState

REASONS = ["where: a > 1", "sample: not drawn"]


def run_with(facet: dict[str, Any]) -> Run:
    return Run("r1", Job("select", "keep"), RunState.COMPLETE, "", "", facets={"select": {"decisions": facet}})


@given(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2**64 - 1)), min_size=1, max_size=30), st.data())
def test_every_row_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, rows: set[tuple[int, int]], data: st.DataObject
) -> None:
    store = LocalStore(str(tmp_path_factory.mktemp("store")))
    ordered = sorted(rows)
    codes = [data.draw(st.integers(0, 2)) for _ in ordered]
    scores = [data.draw(st.none() | st.floats(allow_nan=False)) for _ in ordered]
    decisions = Decisions(
        np.array([row for _, row in ordered], np.uint64),
        np.array(codes, np.int32),
        REASONS,
        np.array([root for root, _ in ordered], np.uint8),
        "a",
        pa.array(scores, pa.float64()),
    )
    facet = write_decisions(store, "train", "r1", decisions)
    assert (facet["rows"], facet["score"]) == (len(rows), "a")
    assert sum(facet["reasons"].values()) == sum(code > 0 for code in codes)
    found = DecisionsOf(store, run_with(facet))
    for (root, row_id), code, score in zip(ordered, codes, scores, strict=True):
        decided = found.find(root, row_id)
        assert decided is not None
        assert (decided.kept, decided.score) == (code == 0, score)
        assert decided.reason == (REASONS[code - 1] if code else None)
    assert found.find(3, 0) is None


def test_rows_of_one_root_have_no_number(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    facet = write_decisions(
        store, "t", "r", Decisions(np.array([4, 7], np.uint64), np.array([0, 1], np.int32), REASONS)
    )
    found = DecisionsOf(store, run_with(facet))
    assert [found.find(0, row) is None for row in (4, 5, 7)] == [False, True, False]
    assert found.find(1, 4) is None
    table = read_decisions(store, run_with(facet))
    assert table is not None and table.schema.names == ["row_id", "kept", "reason"]


def test_a_run_tells_the_most_frequent_reasons_and_the_file_all(tmp_path: Path) -> None:
    reasons = ["long " * 100, *(f"reason {number}" for number in range(80))]
    codes = np.array([1] * 9 + [number + 2 for number in range(80) for _ in range(2 if number < 10 else 1)], np.int32)
    decisions = Decisions(np.arange(len(codes), dtype=np.uint64), codes, reasons)
    facet = write_decisions(LocalStore(str(tmp_path)), "t", "r", decisions)
    assert len(facet["reasons"]) == 50
    assert sum(facet["reasons"].values()) == len(codes)
    assert all(facet["reasons"][f"reason {number}"] == 2 for number in range(10))
    table = read_decisions(LocalStore(str(tmp_path)), run_with(facet))
    assert table is not None and set(table["reason"].to_pylist()) == set(reasons)


def test_a_run_without_decisions_says_so(tmp_path: Path) -> None:
    run = Run("r1", Job("select", "keep"), RunState.COMPLETE, "", "", facets={"select": {}})
    assert read_decisions(LocalStore(str(tmp_path)), run) is None
    assert not DecisionsOf(LocalStore(str(tmp_path)), run).known


def test_they_cost_a_few_bytes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 30_000)  # several groups of rows
    rows = 100_000
    generator = np.random.default_rng(0)
    row_ids, codes = np.arange(rows, dtype=np.uint64), generator.integers(0, 3, rows).astype(np.int32)
    scores = pa.array(generator.random(rows).astype(np.float32))
    store = LocalStore(str(tmp_path))
    plain = write_decisions(store, "t", "plain", Decisions(row_ids, codes, REASONS))
    scored = write_decisions(store, "t", "scored", Decisions(row_ids, codes, REASONS, None, "a", scores))
    size = {facet["path"]: (tmp_path / facet["path"]).stat().st_size / rows for facet in (plain, scored)}
    assert size[plain["path"]] < 0.5
    assert size[scored["path"]] < 4.5
    decided = DecisionsOf(store, run_with(scored)).find(0, 99_999)
    assert decided is not None and decided.score == scores[-1].as_py()


def test_they_are_there_before_the_version_is(project: Callable[..., Any]) -> None:
    small = project()
    small.apply("pairs", "words")
    in_the_way = small.folder / "lake" / "train.lance"
    in_the_way.write_text("no folder")
    with pytest.raises(StorageError):
        small.apply("keep")
    folder = small.folder / "lake" / "_mmreg" / "decisions" / "train"
    assert len(list(folder.iterdir())) == 1
    in_the_way.unlink()
    assert not small.open().exists("train")
    assert small.open().doctor().ok
    small.apply("keep")
    run = small.open().runs("select")[0]
    table = read_decisions(small.open().lake.store, run)
    assert table is not None
    assert table.num_rows == 6
    assert len(list(folder.iterdir())) == 2


def test_plain_parquet_reads_them(project: Callable[..., Any]) -> None:
    import pyarrow.parquet as pq

    small = project()
    small.apply("pairs", "words", "keep")
    (file,) = (small.folder / "lake" / "_mmreg" / "decisions" / "train").iterdir()
    rows = pq.read_table(file).to_pylist()
    assert [row["kept"] for row in rows] == [row["reason"] is None for row in rows]
    assert {row["reason"] for row in rows} == {None, "where: n_words >= 2"}
    assert [row["score"] for row in rows if not row["kept"]] == [1, 1]
