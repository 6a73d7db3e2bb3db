from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
OWN = [f"a dog by a house with {number} windows" for number in range(200)]


def test_a_text_that_comes_too_often(judge: Judge) -> None:
    texts = [*OWN[:90], *["A view  of the lake"] * 9, "a view of the LAKE ", None]
    result = judge({"x": pa.array(texts)}, cuts=[95], check="boilerplate", column="x", max_share=0.05)
    assert (result.status, result.examined, result.failed) == ("failed", 100, 10)
    assert result.message == (
        "10 of 100 texts are boilerplate (10%): 10 in 1 texts that come too often, 0 by what they are"
    )
    assert result.examples[0] == {
        "sample_id": f"{90:032x}", "value": "'A view  of the lake'", "reason": "10 rows say this (10%)",
    }  # fmt: skip
    assert len(result.examples) == 5
    assert result.numbers == {"repeated": 0.1, "stock": 0.0}
    assert judge({"x": pa.array(texts)}, check="boilerplate", column="x", max_share=0.1).status == "passed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("IMG_1234", "a name that a camera or a program gave"),
        ("DSC 00042", "a name that a camera or a program gave"),
        ("Screenshot 2024-05-01", "a name that a camera or a program gave"),
        ("img_1234.JPG", "a file name"),
        ("my summer.png", "a file name"),
        ("Image of", "a placeholder"),
        ("photo", "a placeholder"),
        ("The image is not available.", "a placeholder"),
        ("no caption", "a placeholder"),
        ("N/A", "a placeholder"),
        (" - ", "a placeholder"),
        ("", "a placeholder"),
        ("Lorem ipsum dolor sit amet", "a placeholder"),
        ("Click to enlarge", "a placeholder"),
        ("Business handshake, stock photo", "words of an agency or of a page"),
        ("Royalty-Free vector of a tree", "words of an agency or of a page"),
        ("sunset | Getty Images", "words of an agency or of a page"),
        ("Photo credit: the club", "words of an agency or of a page"),
    ],
)
def test_what_says_nothing(judge: Judge, text: str, reason: str) -> None:
    result = judge({"x": pa.array([*OWN, text])}, check="boilerplate", column="x")
    assert (result.failed, result.examples[0]["reason"]) == (1, reason)


@pytest.mark.parametrize(
    "text",
    ["A photo of a dog", "image of the moon over a lake", "two stock cars", "the png format explained", "Boeing 747",
     "noon at the harbour", "none of the windows is open", "an unknown soldier's grave", "犬", "title page of a book"],
)  # fmt: skip
def test_what_says_something(judge: Judge, text: str) -> None:
    assert judge({"x": pa.array([*OWN, text])}, check="boilerplate", column="x").failed == 0


def test_phrases_of_ones_own(judge: Judge) -> None:
    texts = {"x": pa.array([*OWN, "Here we can see (in colour) a lake", "in colours"])}
    result = judge(texts, check="boilerplate", column="x", phrases=["We  can see (in"])
    assert (result.failed, result.examples[0]["reason"]) == (1, "holds 'We  can see (in'")


def test_what_is_both_counts_once_and_texts_that_come_once_never_repeat(judge: Judge) -> None:
    result = judge({"x": pa.array([*OWN, *["photo"] * 50])}, check="boilerplate", column="x", max_share=0.1)
    assert (result.failed, result.numbers) == (50, {"repeated": 0.2, "stock": 0.2})
    assert judge({"x": pa.array(OWN[:3])}, check="boilerplate", column="x").status == "passed"


def test_over_many_blocks(judge: Judge) -> None:
    """Frequent only in the first, only in the last, everywhere, and never enough."""
    random = np.random.default_rng(5)
    texts = [f"text {number}" for number in range(200_000)]
    for start, stop, share, text in [
        (0, 65_536, 0.2, "first"), (131_072, 200_000, 0.2, "last"), (0, 200_000, 0.1, "all"), (0, 65_536, 0.1, "few"),
    ]:  # fmt: skip
        for row in random.choice(np.arange(start, stop), int((stop - start) * share), replace=False).tolist():
            texts[row] = text
    count = Counter(texts)
    expected = {text for text in count if count[text] > 0.04 * len(texts)}
    assert expected == {"first", "last", "all"}
    column = {"x": pa.array(texts)}
    result = judge(column, check="boilerplate", column="x", max_share=0.04, examples=10)
    assert result.failed == sum(count[text] for text in expected)
    assert {one["value"] for one in result.examples} == {repr(text) for text in expected}
    assert all(repr(texts[int(one["sample_id"], 16)]) == one["value"] for one in result.examples)
    assert judge(column, (1, 70_000, 131_071), check="boilerplate", column="x", max_share=0.04, examples=10) == result


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_share": 0}, "max_share: .* greater than 0"),
        ({"max_share": 1}, "max_share: .* less than 1"),
        ({"sample": 9}, "a sample does not tell"),
    ],
)
def test_wrong_arguments(judge: Judge, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": pa.array(["a"])}, check="boilerplate", column="x", **arguments)


def test_nulls_and_no_rows(judge: Judge) -> None:
    nulls = judge({"x": pa.array([None], pa.string())}, check="boilerplate", column="x")
    assert (nulls.status, nulls.message) == ("passed", "nothing to examine: 1 rows, all null")
    assert judge({"x": pa.array([], pa.string())}, check="boilerplate", column="x").message == "no rows"


@given(
    rows=st.lists(st.none() | st.sampled_from(["aa", "AA ", "bb", "cc", "dd", "photo", "x.png"])),
    cuts=st.lists(st.integers(0, 99), max_size=4),
    most=st.sampled_from([0.1, 0.3, 0.5]),
)
def test_as_plain_python_counts(judge: Judge, rows: list[str | None], cuts: list[int], most: float) -> None:
    result = judge({"x": pa.array(rows, pa.string())}, cuts, check="boilerplate", column="x", max_share=most)
    texts = [row.strip().lower() for row in rows if row is not None]
    often = {text for text, count in Counter(texts).items() if count > max(1, most * len(texts))}
    assert result.failed == sum(text in often or text in ("photo", "x.png") for text in texts)
