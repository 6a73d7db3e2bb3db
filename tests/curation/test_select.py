"""Selections: groups stay whole, appended rows move nobody, NaN is never selected, the same rows make no version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.curation.selections.hashing import hashes
from mmreg.curation.selections.sample import sampled
from mmreg.curation.selections.split import SplitParams, split_keys, splits
from mmreg.errors import UsageError
from mmreg.schemas.declaration import SampleSpec

ids = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=60, unique=True)


@given(ids, st.lists(st.integers(0, 5) | st.none(), min_size=60, max_size=60), st.integers(0, 9))
def test_groups_are_never_divided(sample_ids: list[bytes], groups: list[int | None], seed: int) -> None:
    groups = groups[: len(sample_ids)]
    params = SplitParams({"test": 0.3, "val": 0.2}, "g", seed)
    found = splits(hashes(split_keys(sample_ids, pa.array(groups, pa.int64())), seed), params)
    of_group: dict[int, set[int]] = {}
    for group, split in zip(groups, found.tolist(), strict=True):
        if group is not None:
            of_group.setdefault(group, set()).add(split)
    assert all(len(numbers) == 1 for numbers in of_group.values())
    assert len(found) == len(sample_ids) and set(found.tolist()) <= {0, 1, 2}


@given(ids, ids, st.integers(0, 9))
def test_appended_rows_move_no_other_row(first: list[bytes], more: list[bytes], seed: int) -> None:
    every = first + [i for i in more if i not in first]
    params = SplitParams({"test": 0.3}, None, seed)
    before, after = splits(hashes(first, seed), params), splits(hashes(every, seed), params)
    assert before.tolist() == after.tolist()[: len(first)]


@given(ids, st.integers(1, 80), st.integers(0, 9))
def test_a_sample_depends_on_who_the_rows_are_not_on_their_order(sample_ids: list[bytes], n: int, seed: int) -> None:
    def draw(ids: list[bytes]) -> set[bytes]:
        chosen = sampled(hashes(ids, seed), SampleSpec(rows=n, seed=seed))
        return {i for i, taken in zip(ids, chosen.tolist(), strict=True) if taken}

    drawn, again = draw(sample_ids), draw(sample_ids[::-1])
    assert drawn == again
    assert len(drawn) == min(n, len(sample_ids))


def test_split_shares_come_out_near_what_was_asked() -> None:
    sample_ids = [i.to_bytes(16, "big") for i in range(4000)]
    params = SplitParams.parse({"test": 0.25, "seed": 3}, "pass p")
    assert 900 < (splits(hashes(sample_ids, 3), params) == 1).sum() < 1100


@pytest.mark.parametrize("params", [{}, {"test": 1.5}, {"test": 0.7, "val": 0.7}, {"train": 0.5}, {"test": "much"}])
def test_senseless_shares_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="pass p"):
        SplitParams.parse(params, "pass p")


def declare(small: Any, old: str, new: str) -> None:
    """Change the declaration of a project."""
    file = small.folder / "mmreg.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_another_recipe_with_the_same_rows_makes_no_version_but_a_run(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    versions, runs = len(small.open().log("train")), len(small.open().runs("select"))
    declare(small, "n_words >= 2", "n_words > 1")
    report = {step.name: step for step in small.apply().steps}
    assert (report["keep"].outcome, report["keep"].message) == ("unchanged", "the same rows, with the same cells")
    assert len(small.open().log("train")) == versions
    assert len(small.open().runs("select")) == runs + 1
    assert {step.outcome for step in small.apply().steps} == {"unchanged"}


def test_rows_that_it_leaves_out_and_a_compaction_make_no_version(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    versions = len(small.open().log("train"))
    small.draw("short", "one")
    report = {step.name: step for step in small.apply().steps}
    assert (report["keep"].outcome, report["keep"].message) == ("unchanged", "the same rows, with the same cells")
    small.open().lake.table("pairs").optimize.compact_files()
    small.apply()
    assert len(small.open().log("train")) == versions
    assert {step.outcome for step in small.apply().steps} == {"unchanged"}


def test_fields_of_a_column_and_whole_media_are_selected_by(project: Callable[..., Any]) -> None:
    small = project()
    declare(
        small,
        'where: "n_words >= 2"',
        'where: "image.width >= 20 AND image IS NOT NULL", top: {column: image.height, rows: 5}',
    )
    small.apply("pairs", "words", "keep")
    registry = small.open()
    assert len(registry.open_version("train")) == 5
    assert registry.runs("select")[0].facets["select"]["decisions"]["score"] == "image.height"
    (sample,) = (row["sample_id"] for row in registry.head("train", 1))
    assert registry.why("train", sample).decisions[0].values == {"image.width": 24, "image.height": 18}


def test_nan_and_null_are_not_selected(project: Callable[..., Any]) -> None:
    small = project()
    code = (small.folder / "counted.py").read_text()
    wild = code.replace("ImageStat.Stat(Image.open(io.BytesIO(cell[\"bytes\"])).convert(\"L\")).mean[0]",
                        "[float('nan'), 0.5, None][len(means) % 3]")  # fmt: skip
    (small.folder / "counted.py").write_text(wild)
    declare(small, 'where: "n_words >= 2"', 'where: "brightness > 0.1 OR brightness < 0.1"')
    declare(small, "light: {from: pairs", "light: {allow: [nan], from: pairs")
    small.apply("pairs", "light", "words", "keep")
    found = small.open().open_version("train@latest").to_arrow(["brightness"])["brightness"].to_pylist()
    assert found == [0.5, 0.5]
