"""A sample is the same rows from version to version, says how far it may be off, and reads nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.registry.validation.pieces import Pieces
from mmreg.registry.validation.sampling import halvings_for, is_sampled

ROWS = {f"r{number}": (f"text {number}", number) for number in range(1000)}


@given(wanted=st.integers(1, 10_000), rows=st.integers(0, 10**9))
def test_a_sample_has_about_as_many_rows_as_asked_for(wanted: int, rows: int) -> None:
    left = rows / 2 ** halvings_for(wanted, rows)
    assert left == rows if rows < 2 * wanted else wanted <= left < 2 * wanted


def test_samples_are_even_and_lie_within_each_other() -> None:
    ids = np.arange(100_000, dtype=np.uint64)
    for halvings in (1, 3, 6):
        chosen = is_sampled(ids, halvings)
        expected = len(ids) / 2**halvings
        assert abs(chosen.sum() - expected) < 5 * expected**0.5
        assert abs(chosen[::2].sum() - chosen[1::2].sum()) < 5 * expected**0.5, "neighbours have nothing in common"
        assert not (is_sampled(ids, halvings + 1) & ~chosen).any()
    assert is_sampled(ids, 0).all()


def test_a_sample_says_of_how_many_and_how_far_it_may_be_off(notes: Callable[..., Any]) -> None:
    made = notes(notes=ROWS)
    made.declare(
        {
            "notes": """
            {check: not_null, column: text, sample: 100}
            {check: range, column: n, max_value: 499, sample: 100, max_failure_rate: 0.6}
            {check: range, column: n, max_value: 499, sample: 100, name: half}
            {check: not_null, column: n, sample: 1000}
            """
        }
    )
    made.apply()
    (report,) = made.open().validate("notes@latest")
    whole, tolerated, half, everything = report.results
    assert 100 <= whole.examined <= 160 and whole.population == 1000
    assert whole.interval is not None and whole.interval[0] == 0 and 0.01 < whole.interval[1] < 0.04
    assert whole.message == (
        f"0 of {whole.examined} values are null, in a sample of {whole.examined} of 1,000 rows"
        f" (of all at most {100 * whole.interval[1]:.3g}%, with 95% confidence)"
    )
    assert (tolerated.status, half.status, tolerated.failed) == ("passed", "failed", half.failed)
    assert half.interval is not None and half.interval[0] < 0.5 < half.interval[1]
    assert " to " in half.message and half.message.endswith("with 95% confidence)")
    assert (everything.examined, everything.population, everything.interval) == (1000, None, None)


def test_it_is_the_same_rows_in_the_next_version(notes: Callable[..., Any]) -> None:
    made = notes(notes=ROWS)
    made.declare({"notes": "{check: range, column: n, max_value: -1, sample: 60, examples: 1000}"})
    made.apply()
    (first,) = made.open().validate("notes@latest")
    made.rows["notes"] = ROWS | {f"s{number}": ("another", number) for number in range(500)}
    made.apply()
    (second,) = made.open().validate("notes@latest")
    before = {one["sample_id"] for one in first.results[0].examples}
    assert before < {one["sample_id"] for one in second.results[0].examples}
    assert second.results[0].reused == len(before)


def test_only_media_of_sampled_rows_are_read(project: Callable[..., Any], unchecked: Callable[..., None]) -> None:
    declaration = """
version: 1
project: pictures
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image, storage: reference}}, caption: {{type: text, nullable: true}}}}
checks:
  pairs:
    - {{check: image_decodes, column: image, sample: 4}}
"""
    small = project(images=40, declaration=declaration)
    unchecked(small.folder)
    registry = small.open()
    pieces = Pieces.of(registry.open_version("pairs@latest")).sample(halvings_for(4, 40))
    chosen = np.concatenate([piece.row_ids for piece in pieces.each if piece.row_ids is not None]).tolist()
    assert 0 < len(chosen) < 20
    table = registry.lake.table("pairs")
    uris = table.to_table(columns=["image"], with_row_id=True)
    for image, row_id in zip(uris["image"].to_pylist(), uris["_rowid"].to_pylist(), strict=True):
        if row_id not in chosen:
            (small.folder / "images" / image["uri"]).unlink()
    (report,) = registry.validate("pairs")
    assert report.ok and report.results[0].examined == len(chosen)
    assert report.results[0].population == 40
    assert small.open().validate("pairs")[0].results[0].reused == len(chosen)


def test_what_is_about_all_rows_together_takes_no_sample(notes: Callable[..., Any]) -> None:
    made = notes()
    made.apply()
    for line in ("{check: unique, column: text, sample: 10}", "{check: row_count, min_value: 1, sample: 10}"):
        made.declare({"notes": line})
        with pytest.raises(UsageError, match=r"notes: .* \(mmreg.yaml:\d+\): .* a sample does not tell") as refused:
            made.open().validate("notes@latest")
        assert refused.value.hint == "leave out 'sample'"
