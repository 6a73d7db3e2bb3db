from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


def test_what_lacks_on_which_side(judge: Judge) -> None:
    image = {"sha256": b"\0" * 32}
    pairs = {
        "image": pa.array([image, None, image, None, image], media_type("image")),
        "caption": pa.array(["a dog", "a cat", " \t\u00a0", None, ""]),
    }
    result = judge(pairs, cuts=[2], check="paired", columns=["image", "caption"])
    assert (result.status, result.examined, result.failed, result.column) == ("failed", 5, 4, "image, caption")
    assert result.message == "4 of 5 rows lack a side of the pair (80%)"
    reasons = [one["reason"] for one in result.examples]
    assert reasons == ["nothing in image", "nothing in caption", "nothing in image, caption", "nothing in caption"]


def test_empty_lists_are_nothing_and_numbers_always_something(judge: Judge) -> None:
    rows = {"x": pa.array([[], [None], None], pa.list_(pa.int64())), "y": pa.array([0.0, float("nan"), 1.0])}
    assert judge(rows, check="paired", columns=["x", "y"]).failed == 2


@pytest.mark.parametrize(("columns", "message"), [(["x"], "at least 2 items"), (["x", "x"], "names a column twice")])
def test_a_pair_has_two_sides(judge: Judge, columns: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": pa.array(["a"])}, check="paired", columns=columns)


text = st.none() | st.text("a \n\u3000", max_size=2)


@given(rows=st.lists(st.tuples(text, text)), cuts=st.lists(st.integers(0, 99)), parts=st.booleans())
def test_as_plain_python_counts(
    judge: Judge, rows: list[tuple[str | None, str | None]], cuts: list[int], parts: bool
) -> None:
    columns = {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate("xy")}
    result = judge(columns, cuts, check="paired", columns=["x", "y"], parts=parts)
    assert result.failed == sum(not all(side and side.strip() for side in row) for row in rows)
