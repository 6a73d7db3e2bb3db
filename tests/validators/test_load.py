from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, known_checks, load_check
from mmreg.validators.built_in import BUILT_IN

SCHEMA = pa.schema(
    {
        "sample_id": pa.binary(16),
        "image": media_type("image"),
        "caption": pa.string(),
        "score": pa.float32(),
        "small": pa.int8(),
        "messages": pa.list_(pa.string()),
        "_source": pa.struct({"uri": pa.string()}),
        "a.b": pa.int32(),
    }
)


def refusal(**declared: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_check(CheckSpec(**declared), Table(SCHEMA, {"score": "clip"}))
    assert caught.value.exit_status == 2
    return caught.value


@pytest.mark.parametrize(
    ("declared", "says", "hint"),
    [
        (
            {"check": "not_nul", "column": "caption"},
            "unknown check 'not_nul' (known: ",
            "not_null",
        ),
        ({"check": "xyzzy"}, "unknown check 'xyzzy'", None),
        ({"check": "gx.expect_column_to_exsit"}, "did you mean 'expect_column_to_exist'", "check: gx.expect_column_to"),
        ({"check": "gx.expect_column_to_exist"}, "column: is required", "takes column, column_index"),
        ({"check": "not_null"}, "not_null: column: Field required", "not_null takes column"),
        ({"check": "not_null", "colum": "caption"}, "unknown argument of not_null 'colum'", "column"),
        ({"check": "not_null", "column": "caption", "severty": "error"}, "'severty'", "severity"),
        ({"check": "not_null", "column": 3}, "column: Input should be a valid string", "takes column"),
        ({"check": "not_null", "column": "captoin"}, "(known: sample_id, image, caption", "caption"),
        ({"check": "not_null", "column": "image.widht"}, "known: image.bytes, image.uri", "image.width"),
        ({"check": "not_null", "column": "caption.x"}, "unknown column 'caption.x'", None),
        ({"check": "not_null", "column": "image.bytes"}, "whole media cells", "image or image.sha256"),
        ({"check": "unique"}, "needs either 'column' or 'columns'", "takes column, columns"),
        ({"check": "unique", "column": "caption", "columns": ["score"]}, "needs either", "takes"),
        ({"check": "unique", "columns": []}, "at least 1 item", "takes"),
        ({"check": "unique", "columns": ["caption", "caption"]}, "names a column twice", "takes"),
        ({"check": "unique", "columns": "caption"}, "valid tuple", "takes"),
        ({"check": "unique", "column": "messages"}, "only single values", None),
        ({"check": "unique", "column": "_source"}, "only single values", "columns: [_source.uri]"),
        ({"check": "range", "column": "score"}, "needs 'min_value', 'max_value' or both", "takes"),
        ({"check": "range", "column": "score", "min_value": 2, "max_value": 1}, "above max_value", "takes"),
        (
            {"check": "range", "column": "score", "min_value": "1"},
            "min_value: Input should be a valid",
            "takes",
        ),
        (
            {"check": "range", "column": "score", "min_value": True},
            "min_value: Input should be a valid",
            "takes",
        ),
        ({"check": "range", "column": "score", "max_value": float("inf")}, "a finite number", "takes"),
        ({"check": "range", "column": "score", "max_value": 10**400}, "a finite number", "takes"),
        ({"check": "range", "column": "caption", "min_value": 1}, "not a column of numbers", None),
        ({"check": "range", "column": "small", "min_value": 128}, "no int8 is at least 128", None),
        ({"check": "range", "column": "small", "max_value": -128.5}, "no int8 is at most -128.5", None),
        ({"check": "row_count"}, "needs 'min_value', 'max_value' or both", "takes"),
        ({"check": "row_count", "min_value": -1}, "greater than or equal to 0", "takes"),
        ({"check": "row_count", "min_value": 1.5}, "valid integer", "takes"),
        (
            {"check": "row_count", "min_value": 1, "column": "x"},
            "unknown argument of row_count 'column'",
            None,
        ),
        ({"check": "image_decodes", "column": "caption"}, "not a column of images", None),
        ({"check": "image_decodes", "column": "image", "max_pixels": 0}, "greater than 0", "takes"),
        ({"check": "image_decodes", "column": "image", "max_pixels": 10**9}, "less than or equal", "takes"),
        (
            {"check": "lineage.single_generation", "column": "caption"},
            "not made by a pass",
            "by a pass: score",
        ),
        ({"check": "lineage.single_generation", "column": "scor"}, "unknown column 'scor'", "score"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_cure(declared: Any, says: str, hint: str | None) -> None:
    error = refusal(**declared)
    assert says in error.message
    assert error.hint is None if hint is None else hint in (error.hint or "")


@pytest.mark.parametrize(
    ("declared", "columns", "media"),
    [
        ({"check": "not_null", "column": "image.width"}, ("image.width",), False),
        ({"check": "not_null", "column": "image"}, ("image.sha256",), False),
        ({"check": "not_null", "column": "a.b"}, ("a.b",), False),
        ({"check": "unique", "column": "image"}, ("image.sha256",), False),
        ({"check": "unique", "columns": ["caption", "score"]}, ("caption", "score"), False),
        ({"check": "range", "column": "score", "max_value": 1}, ("score",), False),
        ({"check": "row_count", "min_value": 1}, (), False),
        ({"check": "image_decodes", "column": "image"}, ("image",), True),
        ({"check": "lineage.single_generation", "column": "score"}, ("_mmreg_clip", "score"), False),
    ],
)
def test_a_check_says_what_it_needs_read(declared: Any, columns: tuple[str, ...], media: bool) -> None:
    check = load_check(CheckSpec(**declared), Table(SCHEMA, {"score": "clip"}))
    assert (check.columns, check.media) == (columns, media)


def test_every_known_check_has_one_line() -> None:
    assert set(known_checks()) == {*BUILT_IN, "gx.expect_*", "gx.suite"}
    assert all(line.endswith(".") and "\n" not in line for line in known_checks().values())
