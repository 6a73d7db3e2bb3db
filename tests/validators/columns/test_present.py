from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mmreg.errors import UsageError
from mmreg.schemas.arrow import arrow_type, media_type
from mmreg.schemas.check import CheckResult
from mmreg.schemas.declaration import ColumnSpec

Judge = Callable[..., CheckResult]


def test_a_column_that_is_there(judge: Judge) -> None:
    result = judge({"caption": pa.array(["a", None])}, check="present", column="caption")
    assert (result.status, result.examined, result.failed, result.message) == ("passed", 1, 0, "caption is there")


def test_a_column_that_is_not_there_fails_and_is_no_error(judge: Judge) -> None:
    result = judge({"caption": pa.array(["a"])}, check="present", column="captoin")
    assert (result.status, result.column) == ("failed", "captoin")
    assert result.message.startswith("unknown column 'captoin'")
    assert result.message.endswith("did you mean 'caption'?")


@pytest.mark.parametrize(
    ("dtype", "names"),
    [
        (pa.string(), ["text", "string"]),
        (pa.int64(), ["int", "int64"]),
        (pa.int32(), ["int32"]),
        (pa.float64(), ["float", "float64"]),
        (pa.float32(), ["float32"]),
        (pa.bool_(), ["bool"]),
        (media_type("image"), ["image"]),
        (pa.list_(media_type("video")), ["list<video>", "list"]),
        (pa.list_(pa.string()), ["list<text>", "list<string>", "list"]),
        (arrow_type(ColumnSpec(type="messages")), ["messages"]),
        (arrow_type(ColumnSpec(type="ref", dataset="pool")), ["ref"]),
        (pa.list_(pa.float16(), 4), ["embedding", "list<float16>"]),
    ],
    ids=str,
)
def test_types_by_all_their_names_and_no_other(judge: Judge, dtype: pa.DataType, names: list[str]) -> None:
    every = {"text", "int", "int32", "float", "float32", "bool", "image", "list<video>", "list<text>", "ref"}
    for name in every | set(names):
        result = judge({"x": pa.array([], dtype)}, check="present", column="x", type=name)
        assert result.status == ("passed" if name in names else "failed"), name


def test_a_wrong_type_is_named_as_people_declare_it(judge: Judge) -> None:
    result = judge({"x": pa.array([1])}, check="present", column="x", type="text")
    assert (result.status, result.message) == ("failed", "x is int, not text")


@pytest.mark.parametrize("parts", [False, True])
def test_where_no_row_may_lack_it(judge: Judge, parts: bool) -> None:
    declared: dict[str, Any] = {"check": "present", "column": "image", "nullable": False, "cuts": [1], "parts": parts}
    images = pa.array([{"sha256": b"\0" * 32}, None], media_type("image"))
    result = judge({"image": images}, **declared)
    assert (result.status, result.message) == ("failed", "image is null in 1 rows")
    assert judge({"image": images[:1]}, **declared).status == "passed"


def test_fields_and_unknown_types(judge: Judge) -> None:
    image = {"image": pa.array([None], media_type("image"))}
    assert judge(image, check="present", column="image.width", type="int32").status == "passed"
    assert judge(image, check="present", column="image.depth").status == "failed"
    with pytest.raises(UsageError, match=r"unknown type 'txt'.*did you mean 'text'"):
        judge(image, check="present", column="image", type="txt")
