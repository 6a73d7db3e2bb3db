"""A whole selection over a real table against the same questions asked in plain Python, row by row."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.curation.evaluate import evaluate
from mmreg.curation.select import BoundSelection
from mmreg.curation.selections.hashing import hashes
from mmreg.registry.members import Members
from mmreg.registry.selection import Selection
from mmreg.schemas.declaration import BandSpec, PassSpec, SampleSpec, TopSpec
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.run import RunInput

NAN = float("nan")
SCORES = [None, NAN, 0.0, -0.0, 0.5, 0.5, 0.5, -1.0, 2.0, None, 1.5, 2.0, NAN, 0.25, 3.0, 0.5] * 4
WORDS = [None if number % 7 == 3 else number % 5 for number in range(len(SCORES))]
IDS = [hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(len(SCORES))]


@dataclass(frozen=True)
class Row:
    id: bytes
    row_id: int
    score: float | None
    words: int | None

    @property
    def ranks(self) -> bool:
        return self.score is not None and not math.isnan(self.score)

    @property
    def rank(self) -> tuple[float, int]:
        """Higher is better; of equals the smaller id."""
        return (self.score or 0.0, -int.from_bytes(self.id[:8], "big"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    """Rows in several fragments, some of them deleted."""
    columns = {"sample_id": pa.array(IDS, pa.binary(16)), "score": pa.array(SCORES, pa.float32()), "words": WORDS}
    uri = str(tmp_path_factory.mktemp("table") / "t.lance")
    made = lance.write_dataset(pa.table(columns), uri, max_rows_per_file=10, enable_stable_row_ids=True)
    made.delete("words = 4 AND score > 1")
    return made


@pytest.fixture(scope="module")
def rows(table: lance.LanceDataset) -> list[Row]:
    found = table.to_table(columns=["sample_id", "score", "words"], with_row_id=True).to_pylist()
    return [Row(row["sample_id"], row["_rowid"], row["score"], row["words"]) for row in found]


CONDITIONS = {
    "score >= 0.5": lambda row: row.ranks and row.score >= 0.5,
    "score < 1 OR score >= 1": lambda row: row.ranks,
    "words <> 2": lambda row: row.words is not None and row.words != 2,
    "words IS NULL": lambda row: row.words is None,
    "isnan(score)": lambda row: row.score is not None and math.isnan(row.score),
}
fractions = st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0])
tops = st.builds(TopSpec, column=st.just("score"), fraction=fractions) | st.builds(
    TopSpec, column=st.sampled_from(["score", "words"]), rows=st.integers(1, 70)
)
bands = st.tuples(st.sampled_from([0.0, 0.1, 0.25]), st.sampled_from([0.5, 0.75, 1.0])).map(
    lambda edges: BandSpec(column="score", low=edges[0], high=edges[1])
)
samples = st.builds(SampleSpec, rows=st.integers(1, 70), seed=st.integers(0, 2))
subsets = st.sets(st.integers(0, len(SCORES) - 1))


@settings(max_examples=60)
@given(
    conditions=st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=3, unique=True),
    top=st.none() | tops,
    band=st.none() | bands,
    sample=st.none() | samples,
    others=st.fixed_dictionaries({}, optional={"a": subsets, "b": subsets}),
    operator=st.sampled_from(["all_of", "any_of", "none_of"]),
)
def test_what_is_kept_and_why_the_rest_is_not(
    table: lance.LanceDataset,
    rows: list[Row],
    conditions: list[str],
    top: TopSpec | None,
    band: BandSpec | None,
    sample: SampleSpec | None,
    others: dict[str, set[int]],
    operator: str,
) -> None:
    where = " AND ".join(f"({condition})" for condition in conditions) or None
    spec = PassSpec(
        from_="t", use="filter", into="d", where=where, top=top, band=band, sample=sample, **{operator: tuple(others)}
    )
    found = evaluate(bound(table, spec, others))
    why = oracle(rows, conditions, spec, others)
    assert found.selection.row_ids.tolist() == sorted(row.row_id for row in rows if why[row.id] is None)
    decided = found.decisions.table().to_pylist()
    assert [row["row_id"] for row in decided] == sorted(row.row_id for row in rows)
    kind = {row["row_id"]: row["reason"] and row["reason"].partition(":")[0] for row in decided}
    assert kind == {row.row_id: why[row.id] for row in rows}


def bound(table: lance.LanceDataset, spec: PassSpec, others: dict[str, set[int]]) -> BoundSelection:
    def told(name: str) -> RunInput:
        return RunInput("version", name, f"{name}@v1")

    members = {
        name: Members(name, told(name), ("t",), Selection(np.array(sorted(kept), np.uint64)))
        for name, kept in others.items()
    }
    predicate = Predicate.parse(spec.where) if spec.where else None
    return BoundSelection(
        name="p",
        spec=spec,
        into="d",
        tables={"t": table},
        base=(Members("t", told("t"), ("t",), None),),
        others=members,
        columns=("score", "words"),
        predicate=predicate,
        split=None,
        like=None,
        said=None,
        fingerprint="",
    )


def oracle(rows: list[Row], conditions: list[str], spec: PassSpec, others: dict[str, set[int]]) -> dict[bytes, Any]:
    """For each row by id None where it is kept, else the kind of question that it failed first."""
    why: dict[bytes, str | None] = {row.id: None for row in rows}

    def drop(gone: list[Row], kind: str) -> None:
        why.update({row.id: kind for row in gone if why[row.id] is None})

    def left() -> list[Row]:
        return [row for row in rows if why[row.id] is None]

    within = {name: [row for row in rows if row.row_id in kept] for name, kept in others.items()}
    for name in spec.all_of:
        drop([row for row in rows if row not in within[name]], "all_of")
    if spec.any_of:
        drop([row for row in rows if not any(row in within[name] for name in spec.any_of)], "any_of")
    for name in spec.none_of:
        drop(within[name], "none_of")
    for condition in conditions:
        drop([row for row in rows if not CONDITIONS[condition](row)], "where")
    if spec.band is not None:
        drop([row for row in rows if not row.ranks], "band")
        ranked = sorted(left(), key=lambda row: row.rank)
        inside = ranked[round(spec.band.low * len(ranked)) : round(spec.band.high * len(ranked))]
        drop([row for row in ranked if row not in inside], "band")
    if spec.top is not None:
        by_words = spec.top.column == "words"
        drop([row for row in rows if (row.words is None if by_words else not row.ranks)], "top")
        ranked = sorted(left(), key=lambda row: (row.words, row.rank[1]) if by_words else row.rank, reverse=True)
        wanted = spec.top.rows if spec.top.rows is not None else round((spec.top.fraction or 0) * len(ranked))
        drop(ranked[wanted:], "top")
    if spec.sample is not None:
        seed = spec.sample.seed
        drawn = sorted(left(), key=lambda row: int(hashes([row.id], seed)[0]))
        drop(drawn[spec.sample.rows :], "sample")
    return why
