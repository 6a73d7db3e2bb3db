"""Rare concepts are kept as often as frequent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.guards.tail import items, p_to_t, survival, words

Guard = Callable[..., CheckResult]


@pytest.mark.parametrize(
    ("counts", "p", "expected"),
    [
        ([5, 5, 90], 0.1, 90),  # below 90 lie 10 of 100
        ([5, 5, 90], 0.06, 90),  # 0.1 is nearer to 0.06 than 0 is
        ([1, 1, 1, 7, 40, 50], 0.1, 40),  # below 7: 0.03, below 40: 0.10
        ([1, 1, 1, 7, 40, 50], 0.06, 7),  # below 7: 0.03, below 40: 0.10; of equally near the lower one
        ([10, 10, 10], 0.1, 10),  # nothing is rare where all are alike
        ([1, 99], 0.49, 99),
    ],
)
def test_the_threshold(counts: list[int], p: float, expected: int) -> None:
    assert p_to_t(counts, p) == expected


def clusters(*rows: int) -> pa.Array[Any]:
    """So many rows of cluster 0, 1, 2, ..."""
    return pa.array([number for number, count in enumerate(rows) for _ in range(count)], pa.int32())


def test_hand_computed(guard: Guard) -> None:
    """900 rows of cluster 0, 60 of 1 and 40 of 2. The rare two have 10 % of the rows: t = 900.

    Kept are 450 of 0, 30 of 1 and 3 of 2: tail 33 of 100, head 450 of 900, a ratio of 0.66. Of cluster 1 enough
    survives (6 of 60 would do), of cluster 2 not (4 of 40 would).
    """
    cells = clusters(900, 60, 40)
    kept = [*range(450), *range(900, 930), *range(960, 963)]
    declared = {"check": "guard.tail_retention", "column": "cell", "against": "v0"}
    result = guard(cells, kept, **declared)
    assert (result.status, result.failed) == ("failed", 1)
    assert result.message == (
        "tail retention since v0: 0.66 (tail 33 of 100, head 450 of 900) (at least 0.8); "
        "2 of 3 concepts are in fewer than 900 rows of v0"
    )
    assert result.numbers == {
        "since v0": pytest.approx(0.66),
        "since v0: concepts surviving": 0.5,
        "threshold": 900.0,
        "rare": 2.0,
    }
    tail, head = result.groups
    assert (tail.name, tail.rows, tail.rate, head.rows, head.rate) == ("since v0: tail", 100, 0.33, 900, 0.5)
    assert (tail.low, tail.high) == (pytest.approx(0.2456, abs=1e-4), pytest.approx(0.4269, abs=1e-4))
    assert guard(cells, [*kept, *range(930, 937)], **declared).status == "passed"


def test_too_few_rows_are_insufficient(guard: Guard) -> None:
    declared = {"check": "guard.tail_retention", "column": "cell", "against": "v0"}
    assert guard(clusters(900, 29), range(929), **declared).status == "insufficient"
    assert guard(clusters(900, 30), range(930), **declared).status == "passed"
    assert guard(clusters(50, 50), range(100), **declared).status == "insufficient", "nothing is rare"
    assert guard(clusters(900, 60), range(900, 960), **declared).status == "insufficient", "no head is left"
    assert guard(clusters(), [], **declared).status == "insufficient"


def test_words_lists_and_values(guard: Guard) -> None:
    declared = {"check": "guard.tail_retention", "against": "v0", "column": "cell", "min_value": 0.1}
    captions = ["A dog."] * 300 + ["a rare Dog!"] * 30
    result = guard(pa.array(captions), range(330), **declared)
    assert (result.status, result.numbers["rare"]) == ("passed", 1)
    assert "tail 30 of 30, head 300 of 300" in result.message
    result = guard(pa.array(captions), range(330), by="values", **declared)
    assert "2 concepts" in result.message
    lists = pa.array([["dog"]] * 300 + [["dog", "rare", None]] * 30, pa.list_(pa.string()))
    assert "tail 30 of 30, head 300 of 300" in guard(lists, range(330), **declared).message
    with pytest.raises(UsageError, match="has no words, and is no concept"):
        guard(pa.array([0.5]), [0], **declared)
    assert words("A dog, a DOG") == ["a", "dog"]
    assert items(["b", None, "b"]) == ["b"]


@given(st.lists(st.tuples(st.integers(0, 5).map(lambda n: n * n // 3), st.booleans()), min_size=1, max_size=400))
def test_as_plain_python_has_it(guard: Guard, rows: list[tuple[int, bool]]) -> None:
    cells = [number for number, _ in rows]
    kept = [row for row, (_, stays) in enumerate(rows) if stays]
    result = guard(pa.array(cells, pa.int64()), kept, check="guard.tail_retention", column="cell", against="v0", p=0.06)
    counts = Counter(cells)
    below = {t: sum(n for n in counts.values() if n < t) / len(cells) for t in sorted({*counts.values()})}
    threshold = min(below, key=lambda t: (abs(below[t] - 0.06), t))
    rare = {c for c, n in counts.items() if n < threshold}
    tails, heads = [r in rare for r in cells], [r not in rare for r in cells]
    kept_tails, kept_heads = sum(tails[row] for row in kept), sum(heads[row] for row in kept)
    assert result.numbers["threshold"] == threshold
    left = Counter(cells[row] for row in kept)
    if rare:
        survived = sum(left[c] >= max(1, ceil(0.1 * counts[c])) for c in rare) / len(rare)
        assert result.numbers["since v0: concepts surviving"] == pytest.approx(survived)
    if sum(tails) < 30 or sum(heads) < 30 or not kept_heads:
        assert result.status == "insufficient"
    else:
        ratio = (kept_tails / sum(tails)) / (kept_heads / sum(heads))
        assert result.numbers["since v0"] == pytest.approx(ratio)
        assert result.status == ("passed" if ratio >= 0.8 else "failed")


def test_surviving_needs_one_row_and_a_tenth() -> None:
    assert survival({"a": 1, "b": 10, "c": 11, "d": 100}, {"a": 1, "b": 1, "c": 1, "d": 9}) == 0.5
    assert survival({}, {"a": 1}) is None


def test_on_a_real_lake_with_a_frozen_reference(lake_of: Any, answer: Any) -> None:
    rows = [{"cell": "rare bird" if n % 10 == 0 else "a dog", "n": n} for n in range(400)]
    passes = {
        "first": """from: rows, into: some, use: filter, where: "cell = 'a dog' OR n < 200" """,
        "second": 'from: some, into: fewer, use: filter, where: "n < 300"',
    }
    made = lake_of(rows, {"cell": "text", "n": "int"}, passes)
    declared = {"check": "guard.tail_retention", "column": "cell", "against": "rows@v1"}
    result = answer(made, "fewer", **declared)
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert result.numbers["first"] == 0.5
    assert "second: insufficient (tail 20 of 20, head 270 of 360)" in result.message
    assert "since rows@v1: 0.667 (tail 20 of 40, head 270 of 360)" in result.message
    assert answer(made, "fewer", base="some", **declared).status == "insufficient"
    with pytest.raises(NotFound):
        answer(made, "fewer", **{**declared, "against": "gone@v1"})
