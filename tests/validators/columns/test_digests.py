from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.validators.columns.digests import DigestCounts, DigestSet

word = st.integers(0, 4) | st.sampled_from([2**64 - 1, 2**64 - 2])


@given(calls=st.lists(st.lists(st.tuples(word, word), max_size=12), max_size=8))
def test_as_a_set_of_pairs(calls: list[list[tuple[int, int]]]) -> None:
    """Few words, so that whole digests repeat and so do the high words of different ones."""
    digests, seen = DigestSet(), set()
    for call in calls:
        expected = []
        for pair in call:
            expected.append(pair in seen)
            seen.add(pair)
        assert digests.add(np.array(call, np.uint64).reshape(-1, 2).T).tolist() == expected


@given(calls=st.lists(st.lists(st.tuples(word, word, st.integers(1, 5)), max_size=12), max_size=8))
def test_counts_as_a_counter_of_pairs(calls: list[list[tuple[int, int, int]]]) -> None:
    counts, seen = DigestCounts(), Counter[tuple[int, int]]()
    for call in calls:
        counts.add(
            np.array([one[:2] for one in call], np.uint64).reshape(-1, 2).T, np.array([n for *_, n in call], int)
        )
        for high, low, n in call:
            seen[high, low] += n
    asked = [*seen, (3, 2**64 - 3)]
    assert counts.of(np.array(asked, np.uint64).reshape(-1, 2).T).tolist() == [seen[pair] for pair in asked]


def test_sixteen_bytes_a_distinct_digest() -> None:
    digests = DigestSet()
    random = np.random.default_rng(0)
    some = random.integers(0, 2**64, (2, 50_000), dtype=np.uint64)
    for _ in range(2):
        for start in range(0, 50_000, 700):
            digests.add(some[:, start : start + 700])
    runs = digests._runs
    assert sum(run.nbytes for run in runs) == 16 * 50_000
    assert len(runs) < 10
