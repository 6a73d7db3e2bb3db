"""Selections: groups stay whole, appended rows move nobody, NaN is never selected, the same rows make no version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.curation.selections import SplitParams, sample_rows, split_rows
from mmreg.errors import UsageError
from mmreg.schemas.declaration import SampleSpec

ids = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=60, unique=True)


@given(ids, st.lists(st.integers(0, 5) | st.none(), min_size=60, max_size=60), st.integers(0, 9))
def test_groups_are_never_divided(sample_ids: list[bytes], groups: list[int | None], seed: int) -> None:
    groups = groups[: len(sample_ids)]
    params = SplitParams({"test": 0.3, "val": 0.2}, "g", seed)
    found = split_rows(np.arange(len(sample_ids), dtype=np.uint64), sample_ids, pa.array(groups, pa.int64()), params)
    assert found.splits is not None
    of_group: dict[int, set[int]] = {}
    for group, split in zip(groups, found.splits.tolist(), strict=True):
        if group is not None:
            of_group.setdefault(group, set()).add(split)
    assert all(len(splits) == 1 for splits in of_group.values())
    assert sum(found.counts().values()) == len(sample_ids)


@given(ids, ids, st.integers(0, 9))
def test_appended_rows_move_no_other_row(first: list[bytes], more: list[bytes], seed: int) -> None:
    every = first + [i for i in more if i not in first]
    params = SplitParams({"test": 0.3}, None, seed)
    before = split_rows(np.arange(len(first), dtype=np.uint64), first, None, params)
    after = split_rows(np.arange(len(every), dtype=np.uint64), every, None, params)
    assert before.splits is not None and after.splits is not None
    assert before.splits.tolist() == after.splits.tolist()[: len(first)]


@given(ids, st.integers(1, 80), st.integers(0, 9))
def test_a_sample_depends_on_who_the_rows_are_not_on_their_order(sample_ids: list[bytes], n: int, seed: int) -> None:
    rows = np.arange(len(sample_ids), dtype=np.uint64)
    drawn = {sample_ids[i] for i in sample_rows(rows, sample_ids, SampleSpec(rows=n, seed=seed), None)}
    backwards = sample_ids[::-1]
    again = {backwards[i] for i in sample_rows(rows, backwards, SampleSpec(rows=n, seed=seed), None)}
    assert drawn == again
    assert len(drawn) == min(n, len(sample_ids))


def test_split_shares_come_out_near_what_was_asked() -> None:
    sample_ids = [i.to_bytes(16, "big") for i in range(4000)]
    params = SplitParams.parse({"test": 0.25, "seed": 3}, "pass p")
    counts = split_rows(np.arange(4000, dtype=np.uint64), sample_ids, None, params).counts()
    assert 900 < counts["test"] < 1100


@pytest.mark.parametrize("params", [{}, {"test": 1.5}, {"test": 0.7, "val": 0.7}, {"train": 0.5}, {"test": "much"}])
def test_senseless_shares_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="pass p"):
        SplitParams.parse(params, "pass p")


def test_the_same_rows_make_no_version_but_a_run(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    versions = len(small.open().log("train"))
    small.draw("short", "one")
    report = {step.name: step for step in small.apply().steps}
    assert report["keep"].message == "other inputs, the same rows"
    assert len(small.open().log("train")) == versions
    assert {step.outcome for step in small.apply().steps} == {"unchanged"}


def test_nan_and_null_are_not_selected(project: Callable[..., Any]) -> None:
    small = project()
    code = (small.folder / "counted.py").read_text()
    wild = code.replace("ImageStat.Stat(Image.open(io.BytesIO(cell[\"bytes\"])).convert(\"L\")).mean[0]",
                        "[float('nan'), 0.5, None][len(means) % 3]")  # fmt: skip
    (small.folder / "counted.py").write_text(wild)
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace('where: "n_words >= 2"', 'where: "brightness > 0.1 OR brightness < 0.1"'))
    small.apply("pairs", "light", "words", "keep")
    found = small.open().open_version("train@latest").to_arrow(["brightness"])["brightness"].to_pylist()
    assert found == [0.5, 0.5]
