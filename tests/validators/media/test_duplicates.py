"""no_exact_duplicates and no_near_duplicates: within a version, among its splits, against another version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult
from mmreg.validators.media.near import nearest_earlier

Judge = Callable[..., CheckResult]
World = Callable[..., Any]
Cells = Sequence[str | None]
IMAGE, AUDIO = media_type("image"), media_type("audio")
NAMES = st.none() | st.sampled_from("abcdef")
FLAT = (0, 2**63)
HASHES = st.none() | st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 3, 7, 15, 2**63, 2**63 + 1])


def media(names: Cells, dtype: pa.DataType = IMAGE) -> Any:
    digests = [None if name is None else {"sha256": hashlib.sha256(name.encode()).digest()} for name in names]
    return pa.array(digests, dtype)


def rows(names: Cells, start: int = 0) -> dict[str, Any]:
    """Columns whose sample ids count from ``start``."""
    ids = [(start + row).to_bytes(16, "big") for row in range(len(names))]
    return {"sample_id": pa.array(ids, pa.binary(16)), "image": media(names)}


def sample(row: int) -> str:
    return row.to_bytes(16, "big").hex()


def exact(judge: Judge, names: Cells, **options: Any) -> CheckResult:
    return judge({"image": media(names)}, check="no_exact_duplicates", column="image", **options)


def test_each_later_one_fails_and_is_told_of_the_first(judge: Judge, world: World) -> None:
    names = ["a", "b", None, "a", "c", "b", "a"]
    around = world({"pairs@v1": rows(names)})
    result = exact(judge, names, world=around, ref="pairs@v1")
    assert (result.status, result.examined, result.failed) == ("failed", 6, 3)
    assert result.message == "3 of 6 media repeat an earlier one (50%)"
    assert [(example["sample_id"], example["reason"]) for example in result.examples] == [
        (sample(3), f"repeats {sample(0)}"), (sample(5), f"repeats {sample(1)}"), (sample(6), f"repeats {sample(0)}"),
    ]  # fmt: skip
    assert result.examples[0]["value"] == hashlib.sha256(b"a").hexdigest()
    alone = exact(judge, names)
    assert (alone.failed, alone.examples[0]["reason"]) == (3, "repeats an earlier row")


def test_against_another_version(judge: Judge, world: World) -> None:
    names = ["a", "b", "b", "x", None]
    around = world({"pairs@v1": rows(names), "evals@v2": rows(["y", "x", "a", "a"], 100)})
    result = exact(judge, names, world=around, ref="pairs@v1", across="evals@v2")
    assert (result.examined, result.failed, result.message) == (4, 2, "2 of 4 media are in evals@v2, too (50%)")
    assert [example["reason"] for example in result.examples] == [
        f"repeats {sample(102)} in evals@v2", f"repeats {sample(101)} in evals@v2",
    ]  # fmt: skip
    assert exact(judge, ["q"], world=around, ref="pairs@v1", across="evals@v2").status == "passed"


def test_among_splits_the_larger_one_is_right(judge: Judge, world: World) -> None:
    splits = {"eval": rows(["a", "z", "z"], 10), "train": rows(["a", "b", "b", "c"]), "val": rows(["z", "b"], 20)}
    around = world({"parts@v1": rows([])}, splits)
    result = exact(judge, [], world=around, ref="parts@v1", across="splits")
    assert (result.examined, result.failed) == (9, 3)
    assert result.message == "3 of 9 media are in another split, too (33.3%)"
    assert [(example["sample_id"], example["reason"]) for example in result.examples] == [
        (sample(10), f"repeats {sample(0)} in train"), (sample(20), f"repeats {sample(11)} in eval"),
        (sample(21), f"repeats {sample(1)} in train"),
    ]  # fmt: skip


def test_media_of_every_kind_and_nothing_else(judge: Judge) -> None:
    result = judge({"sound": media(["a", "a"], AUDIO)}, check="no_exact_duplicates", column="sound")
    assert result.failed == 1
    with pytest.raises(UsageError, match="caption is string, not a column of media") as caught:
        judge({"caption": pa.array(["a"])}, check="no_exact_duplicates", column="caption")
    assert caught.value.hint == "{check: unique, column: caption}"


@pytest.mark.parametrize("check", ["no_exact_duplicates", "no_near_duplicates"])
def test_what_cannot_be_compared_is_refused(judge: Judge, world: World, check: str) -> None:
    hashes = {"image": media(["a"]), "phash": pa.array([1], pa.uint64())}
    column = "image" if check == "no_exact_duplicates" else "phash"
    others = {"bare@v1": {"text": pa.array(["a"])}, "odd@v1": {column: pa.array(["a"])}, "later@v1": hashes}
    around = world({"pairs@v1": hashes, **others})
    declared = {"check": check, "column": column, "world": around, "ref": "pairs@v1"}
    with pytest.raises(UsageError, match="names the version that is checked"):
        judge(hashes, **declared, across="pairs@v1")
    with pytest.raises(UsageError, match="has no splits"):
        judge(hashes, **declared, across="splits")
    with pytest.raises(UsageError, match=f"unknown column '{column}'"):
        judge(hashes, **declared, across="bare@v1")
    with pytest.raises(UsageError, match=f"{column} of odd@v1 is string"):
        judge(hashes, **declared, across="odd@v1")
    with pytest.raises(NotFound):
        judge(hashes, **declared, across="gone@v1")
    with pytest.raises(UsageError, match="a sample does not tell"):
        judge(hashes, **declared, sample=10)
    with pytest.raises(UsageError, match="there is none here"):
        judge(hashes, check=check, column=column, across="evals")
    assert judge(hashes, **declared | {"ref": "later@v1"}, across="pairs@v1", sample=10).failed == 1


@given(names=st.lists(NAMES, max_size=30), cuts=st.lists(st.integers(0, 99), max_size=4))
def test_exact_duplicates_by_their_definition(judge: Judge, names: list[str | None], cuts: list[int]) -> None:
    known = [name for name in names if name is not None]
    result = exact(judge, names, cuts=cuts)
    assert (result.examined, result.failed) == (len(known), len(known) - len(set(known)))


@given(ours=st.lists(NAMES, max_size=20), theirs=st.lists(NAMES, max_size=20))
def test_exact_duplicates_elsewhere_by_their_definition(
    judge: Judge, world: World, ours: list[str | None], theirs: list[str | None]
) -> None:
    around = world({"pairs@v1": rows(ours), "evals@v1": rows(theirs)})
    result = exact(judge, ours, world=around, ref="pairs@v1", across="evals@v1")
    assert result.failed == sum(name is not None and name in theirs for name in ours)
    splits = world({"pairs@v1": rows([])}, {"a": rows(ours), "b": rows(theirs)})
    result = exact(judge, [], world=splits, ref="pairs@v1", across="splits")
    large, small = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
    assert result.failed == sum(name is not None and name in large for name in small)


def near(judge: Judge, hashes: Sequence[int | None], **options: Any) -> CheckResult:
    return judge({"phash": pa.array(hashes, pa.uint64())}, check="no_near_duplicates", column="phash", **options)


def bits(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def test_hashes_that_differ_in_few_bits(judge: Judge) -> None:
    hashes = [0b11111, None, 0b00001, 2**64 - 1, 0b11111]
    result = near(judge, hashes, max_distance=3)
    assert (result.examined, result.failed, result.examples[0]["reason"]) == (
        4, 1, f"0 of 64 bits differ from {sample(0)}",
    )  # fmt: skip
    result = near(judge, hashes)
    assert result.message == "2 of 4 images look like an earlier one (50%)"
    assert (result.examples[0]["sample_id"], result.examples[0]["value"], result.examples[0]["reason"]) == (
        sample(2), f"{1:016x}", f"4 of 64 bits differ from {sample(0)}",
    )  # fmt: skip


def test_pictures_of_one_colour_are_not_compared(judge: Judge, column: Any, encode: Callable[..., bytes]) -> None:
    flat = [encode(Image.new("RGB", (32, 24), colour)) for colour in ("white", "black", "red", "white")]
    result = judge({"image": column(flat)}, check="no_near_duplicates", column="image")
    assert (result.status, result.message) == ("insufficient", "nothing to compare: 4 of one colour (not_blank)")
    result = near(judge, [*FLAT, *FLAT, 7, 7])
    assert (result.examined, result.failed) == (2, 1)
    assert result.message.endswith("; not compared: 4 of one colour (not_blank)")


@given(hashes=st.lists(HASHES, max_size=25), distance=st.integers(0, 12), cuts=st.lists(st.integers(0, 99), max_size=4))
def test_near_duplicates_by_their_definition(
    judge: Judge, hashes: list[int | None], distance: int, cuts: list[int]
) -> None:
    known = [one for one in hashes if one is not None and one not in FLAT]
    due = sum(any(bits(one, other) <= distance for other in known[:row]) for row, one in enumerate(known))
    result = near(judge, hashes, max_distance=distance, cuts=cuts)
    assert (result.examined, result.failed) == (len(known), due)


@given(
    ours=st.lists(HASHES, max_size=15), theirs=st.lists(HASHES, max_size=15), distance=st.sampled_from([0, 1, 4, 12])
)
@example(ours=[1], theirs=[0], distance=4)
def test_near_duplicates_elsewhere_by_their_definition(
    judge: Judge, world: World, ours: list[int | None], theirs: list[int | None], distance: int
) -> None:
    def columns(hashes: list[int | None], start: int) -> dict[str, Any]:
        return rows([None] * len(hashes), start) | {"phash": pa.array(hashes, pa.uint64())}

    def like(one: int | None, others: list[int | None]) -> bool:
        known = [other for other in others if other is not None and other not in FLAT]
        return one is not None and one not in FLAT and any(bits(one, other) <= distance for other in known)

    around = world({"pairs@v1": columns(ours, 0), "evals@v1": columns(theirs, 100)})
    options = {"world": around, "ref": "pairs@v1", "max_distance": distance}
    assert near(judge, ours, across="evals@v1", **options).failed == sum(like(one, theirs) for one in ours)
    around = world({"pairs@v1": columns(ours, 0)}, {"a": columns(ours, 0), "b": columns(theirs, len(ours))})
    large, small = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
    result = near(judge, ours + theirs, **options | {"world": around}, across="splits")
    assert result.failed == sum(like(one, large) for one in small)


def test_a_table_with_bands_finds_what_comparing_all_finds() -> None:
    generator = np.random.default_rng(3)
    hashes = generator.integers(0, 2**64, 3000, dtype=np.uint64)
    copies = generator.integers(0, 3000, 400)
    hashes[copies] = hashes[generator.permutation(copies)] ^ (
        np.uint64(1) << generator.integers(0, 64, 400).astype("u8")
    )
    found = nearest_earlier(hashes, None, 4)
    for row in range(3000):
        apart = np.bitwise_count(hashes[: row + 1] ^ hashes[row])
        first = int(np.flatnonzero(apart <= 4)[0])
        assert (found.of[row], found.bits[row]) == (first, apart[first])


def test_nothing_is_near_to_nothing(judge: Judge) -> None:
    assert near(judge, []).message == "no rows"


def test_pictures_that_look_alike(
    judge: Judge, world: World, column: Any, scene: Callable[..., Image.Image], encode: Callable[..., bytes]
) -> None:
    first, second = scene(1), scene(2)
    pictures = column([encode(first), encode(second), encode(first.resize((90, 70)), "JPEG", quality=60), b"no", None])
    declared = {"check": "no_near_duplicates", "column": "image"}
    result = judge({"image": pictures}, **declared)
    assert (result.examined, result.failed) == (3, 1)
    assert result.message == (
        "1 of 3 images look like an earlier one (33.3%); not compared: 1 do not decode (image_decodes)"
    )
    others = {"image": column([encode(second, "JPEG", quality=50)])}
    around = world({"pairs@v1": {"image": pictures}, "evals@v1": others})
    result = judge({"image": pictures}, **declared, world=around, ref="pairs@v1", across="evals@v1")
    assert (result.failed, result.examples[0]["sample_id"]) == (1, sample(1))
    assert result.examples[0]["reason"].endswith(f"of 64 bits differ from {sample(0)} of evals@v1")
    assert judge({"image": column([b"no"])}, **declared).status == "insufficient"


@pytest.mark.parametrize("distance", [-1, 13])
def test_distances_that_cannot_be_found_are_refused(judge: Judge, distance: int) -> None:
    with pytest.raises(UsageError, match="max_distance"):
        near(judge, [], max_distance=distance)
    with pytest.raises(UsageError, match="neither images nor 64-bit hashes"):
        judge({"caption": pa.array(["a"])}, check="no_near_duplicates", column="caption")
