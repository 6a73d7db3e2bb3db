"""Rows that are near one of the evaluation set: every pair counts, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.lineage.near_hashes import NearHashes
from mmreg.validators.lineage.near_vectors import NearVectors

Compare = Callable[..., CheckResult]
BASE = 0x0F1E2D3C4B5A6978
HASHES = st.lists(
    st.one_of(
        st.none(),
        st.integers(0, 2**64 - 1),
        st.lists(st.integers(0, 63), max_size=6).map(lambda bits: BASE ^ sum({1 << bit for bit in bits})),
    ),
    max_size=12,
)
NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 0.5, 3.0, float("nan")])
VECTORS = st.lists(st.one_of(st.none(), st.lists(NUMBERS, min_size=3, max_size=3)), max_size=10)


@given(HASHES, HASHES, st.integers(0, 8), st.integers(0, 12))
def test_hashes(compare: Compare, here: list[int | None], there: list[int | None], distance: int, cut: int) -> None:
    columns = [{"hash": pa.array(side, pa.uint64())} for side in (here, there)]
    declared = {"check": "lineage.no_similar", "column": "hash", "max_distance": distance, "examples": 100}
    result = compare(*columns, cut, **declared)
    apart = [
        min(((a ^ b).bit_count() for b in there if b is not None), default=65) if a is not None else 65 for a in here
    ]
    expected = [row for row, bits in enumerate(apart) if bits <= distance]
    assert (result.examined, result.failed) == (sum(a is not None for a in here), len(expected))
    assert [int(e["sample_id"], 16) for e in result.examples] == expected
    for one in result.examples:
        row = int(one["sample_id"], 16)
        assert one["reason"].startswith(f"differs in {apart[row]} bits from sample ")
        other = there[int(one["reason"].split()[6], 16) - 1000]
        assert other is not None and (here[row] ^ other).bit_count() == apart[row]


@given(VECTORS, VECTORS, st.sampled_from([1.0, 0.999, 0.7071067811865475, 0.5, 0.0, -0.5]), st.integers(0, 10))
def test_vectors(compare: Compare, here: list[Any], there: list[Any], bound: float, cut: int) -> None:
    columns = [{"vector": pa.array(side, pa.list_(pa.float32(), 3))} for side in (here, there)]
    declared = {"check": "lineage.no_similar", "column": "vector", "min_similarity": bound, "examples": 100}
    result = compare(*columns, cut, **declared)
    known = [v for v in there if _whole(v)]
    expected = [row for row, v in enumerate(here) if _whole(v) and any(_cosine(v, w) >= bound - 1e-12 for w in known)]
    assert (result.examined, result.failed) == (sum(map(_whole, here)), len(expected))
    assert [int(e["sample_id"], 16) for e in result.examples] == expected


def _whole(vector: list[float] | None) -> bool:
    return vector is not None and not np.isnan(vector).any() and any(vector)


def _cosine(a: list[float], b: list[float]) -> float:
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def test_blocks_of_many_vectors_find_what_a_look_at_all_pairs_finds() -> None:
    numbers = np.random.default_rng(5)
    here, there = (numbers.normal(size=(rows, 64)).astype(np.float32) for rows in (3000, 5000))
    here[1234] = there[4321] * 2
    here[7] = there[11] + numbers.normal(size=64).astype(np.float32) / 100
    near = NearVectors(0.95, 64)
    places, cosines = near.nearest(here, there)
    assert np.flatnonzero(places >= 0).tolist() == [7, 1234]
    assert (places[7], places[1234]) == (11, 4321)
    assert cosines[1234] == pytest.approx(1)
    assert near.said(cosines[1234]) == "has a cosine of 1.0000 with"


def test_many_hashes_find_what_a_look_at_all_pairs_finds() -> None:
    numbers = np.random.default_rng(6)
    here, there = (numbers.integers(0, 2**64, rows, np.uint64) for rows in (20_000, 500))
    here[17] = there[3] ^ np.uint64(0b1011)
    here[18] = there[4]
    places, near = NearHashes(4).nearest(here, there)
    distances = np.array([np.bitwise_count(there ^ one).min() for one in here])
    assert np.flatnonzero(places >= 0).tolist() == np.flatnonzero(distances <= 4).tolist()
    assert (places[17], near[17], places[18], near[18]) == (3, -3, 4, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"column": "hash"}, "needs 'max_distance'"),
        ({"column": "hash", "max_distance": 3, "min_similarity": 0.5}, "needs 'max_distance'"),
        ({"column": "hash", "min_similarity": 0.5}, "no embedding"),
        ({"column": "text", "max_distance": 3}, "no hash of 64 bits"),
        ({"column": "hash", "max_distance": 13}, "max_distance"),
    ],
)
def test_what_makes_no_sense_is_refused(compare: Compare, wrong: dict[str, Any], message: str) -> None:
    columns = {"hash": pa.array([1], pa.uint64()), "text": pa.array(["a"])}
    with pytest.raises(UsageError, match=message):
        compare(columns, columns, check="lineage.no_similar", **wrong)


def test_columns_that_do_not_compare_are_refused(compare: Compare) -> None:
    here, there = ({"v": pa.array([[1.0] * n], pa.list_(pa.float32(), n))} for n in (3, 4))
    with pytest.raises(UsageError, match="these do not compare"):
        compare(here, there, check="lineage.no_similar", column="v", min_similarity=0.5)
