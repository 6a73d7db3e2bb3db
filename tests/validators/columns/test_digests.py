from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.validators.columns.digests import DigestSet

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
