"""The checks that share a decode: image_decodes, image_format, image_size, not_blank, not_blurred."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from mmreg.errors import UsageError
from mmreg.schemas.arrow import SOURCE, media_type
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
from mmreg.validators.media.picture_look import PictureLook, Pictures

Judge = Callable[..., CheckResult]
Column = Callable[..., Any]
Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]
DECODING = [
    {"check": "image_decodes", "max_pixels": 1_000_000},
    {"check": "image_format"},
    {"check": "not_blank"},
    {"check": "not_blurred", "min_value": 5},
    {"check": "no_near_duplicates"},
]


class Counted(Pictures):
    """Decoding, and how often it was done."""

    looked = 0

    def look(self, data: bytes) -> PictureLook:
        Counted.looked += 1
        return super().look(data)


@pytest.fixture(scope="session")
def told(judge: Judge, column: Column) -> Callable[..., CheckResult]:
    def told(*images: bytes | dict[str, Any] | None, check: str, **arguments: Any) -> CheckResult:
        return judge({"image": column(images)}, check=check, column="image", **arguments)

    return told


def test_several_checks_cost_one_decode(scene: Scene, encode: Encode, column: Column) -> None:
    images = column([encode(scene(seed), "JPEG") for seed in range(40)])
    ids = pa.array([row.to_bytes(16, "big") for row in range(40)], pa.binary(16))
    batch = pa.record_batch({"sample_id": ids, "image": images})
    table = Table(batch.schema)
    table._shared[Pictures] = Counted()
    checks = [load_check(CheckSpec(column="image", **declared), table) for declared in DECODING]
    Counted.looked = 0
    for part in (batch.slice(0, 30), batch.slice(30)):
        for check in checks:
            check.update(part)
    load_check(CheckSpec(check="not_blank", column="image"), table).update(batch.take([3, 1, 39]))
    assert Counted.looked == 40, "nor does a sample of the rows cost another one"
    for check, declared in zip(checks, DECODING, strict=True):
        alone = load_check(CheckSpec(column="image", **declared), Table(batch.schema))
        alone.update(batch)
        assert alone.result() == check.result()


def test_a_limit_holds_for_its_own_check(told: Any, scene: Scene, encode: Encode, column: Column) -> None:
    """Another check of the same column lets larger pictures be decoded: the answer is the same as without it."""
    images = column([encode(scene(1, 100, 100), form) for form in ("JPEG", "PNG", "TIFF", "WEBP")])
    ids = pa.array([row.to_bytes(16, "big") for row in range(4)], pa.binary(16))
    batch = pa.record_batch({"sample_id": ids, "image": images})
    declared = CheckSpec(check="image_decodes", column="image", max_pixels=9_999)
    alone, together = Table(batch.schema), Table(batch.schema)
    load_check(CheckSpec(check="not_blank", column="image"), together)
    results = []
    for table in (alone, together):
        check = load_check(declared, table)
        check.update(batch)
        results.append(check.result())
    assert results[0] == results[1]
    assert (results[0].failed, results[0].examples[0]["reason"]) == (4, "100 x 100 = 10,000 pixels, the limit is 9,999")


def test_a_cell_that_tells_another_size_fails(told: Any, scene: Scene, encode: Encode) -> None:
    data = encode(scene(1, 40, 30))
    honest, lying = {"bytes": data, "width": 40, "height": 30}, {"bytes": data, "width": 400, "height": 300}
    result = told(honest, lying, data, check="image_decodes")
    assert (result.failed, result.examples[0]["reason"]) == (1, "40 x 30 pixels, recorded as 400 x 300")


def _blank_pictures(encode: Encode) -> list[bytes]:
    clear = Image.fromarray(np.random.default_rng(1).integers(0, 255, (8, 8, 4), dtype=np.uint8), "RGBA")
    clear.putalpha(0)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([9, 9, 9, 9, 9, 9])
    palette.paste(1, (0, 0, 4, 8))
    return [
        *(encode(Image.new("RGB", (20, 10), colour), form) for colour in ("white", "black", "#3a7") for form in
          ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")),
        encode(clear), encode(clear, "WEBP", lossless=True), encode(Image.new("RGBA", (5, 5), (10, 20, 30, 90))),
        encode(palette), encode(Image.new("I;16", (8, 8), 700)), encode(Image.new("L", (1, 1), 7)),
        encode(Image.new("CMYK", (8, 8), (1, 2, 3, 4)), "TIFF"), encode(Image.new("1", (8, 8), 1)),
    ]  # fmt: skip


def test_one_colour_is_blank_however_it_is_stored(told: Any, encode: Encode) -> None:
    blank = _blank_pictures(encode)
    result = told(*blank, check="not_blank", examples=100)
    assert (result.failed, result.message) == (len(blank), f"{len(blank)} of {len(blank)} images are blank (100%)")
    assert (result.examples[0]["value"], result.examples[0]["reason"]) == (
        "<image, 20 x 10>", "one colour, or nothing that can be seen",
    )  # fmt: skip


def test_what_shows_something_is_not_blank(told: Any, encode: Encode, scene: Scene) -> None:
    spot = Image.new("RGB", (50, 50), "white")
    spot.putpixel((7, 7), (255, 255, 240))
    equally_grey = Image.new("RGB", (8, 8), (0, 0, 76))
    equally_grey.paste((29, 0, 0), (0, 0, 4, 8))
    assert len(np.unique(np.asarray(equally_grey.convert("L")))) == 1
    icon = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    icon.putpixel((3, 3), (255, 255, 255, 255))
    images = [encode(spot), encode(equally_grey), encode(icon), encode(scene(1), "JPEG")]
    assert told(*images, check="not_blank").status == "passed"


def test_what_does_not_decode_is_not_examined(told: Any, encode: Encode, scene: Scene) -> None:
    whole = encode(scene(1), "JPEG")
    result = told(whole, whole[:-500], None, b"nonsense", check="not_blank")
    assert (result.status, result.examined) == ("passed", 1)
    assert result.message == "0 of 1 images are blank; 2 more do not decode (image_decodes says why)"
    assert told(whole[:-500], check="not_blurred", min_value=1).status == "insufficient"


def test_blur_takes_edges_away(told: Any, encode: Encode, scene: Scene) -> None:
    sharp = scene(3)
    soft = sharp.filter(ImageFilter.GaussianBlur(4))
    result = told(encode(sharp), encode(soft), check="not_blurred", min_value=20)
    assert (result.failed, result.examples[0]["reason"]) == (1, "blurred: below 20")
    assert float(result.examples[0]["value"]) == pytest.approx(result.numbers["min"], rel=1e-3)
    assert sum(result.histograms[0].counts["values"]) == 2
    assert len(result.histograms[0].edges) == len(result.histograms[0].counts["values"]) + 1


def cell(form: str, recorded: str | None = None, uri: str | None = None) -> dict[str, Any]:
    starts = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff\xe0", "WEBP": b"RIFF\0\0\0\0WEBP", "?": b"hello"}
    return {"bytes": starts[form] + bytes(40), "format": recorded, "uri": uri}


def test_formats_against_what_is_recorded_and_against_names(judge: Judge, column: Column) -> None:
    rows = [
        (cell("PNG", "PNG"), "a/b.png", None),
        (cell("PNG", "PNG"), "a/b.PNG", None),
        (cell("JPEG", "JPEG"), "a.jpeg", None),
        (cell("JPEG", "JPEG"), "a.jfif", None),
        (cell("WEBP", "WEBP"), "all.jsonl#ab12", None),
        (cell("WEBP"), "none", None),
        (cell("JPEG", "JPEG"), "a.png", "is JPEG, named .png"),
        (cell("PNG", "JPEG"), "a.png", "is PNG, recorded as JPEG"),
        (cell("PNG", "PNG"), "a.svg", "is PNG, named .svg"),
        (cell("?", "PNG"), "a.png", "begins like no image"),
        (cell("PNG", "PNG", "media/x.JPG"), "a.png", "is PNG, named .jpg"),
        ({"uri": "gone.png", "format": "PNG"}, "a.png", "its bytes are missing"),
        (None, "a.gif", None),
    ]  # fmt: skip
    sources = pa.array([{"uri": uri, "stamp": 0} for _, uri, _ in rows], SOURCE.type)
    result = judge(
        {"image": column([made for made, _, _ in rows]), "_source": sources},
        check="image_format",
        column="image",
        examples=50,
    )
    due = {row.to_bytes(16, "big").hex(): reason for row, (_, _, reason) in enumerate(rows) if reason}
    assert {example["sample_id"]: example["reason"] for example in result.examples} == due
    assert (result.examined, result.failed) == (12, 6)
    assert result.examples[0]["value"] == "'a.png'"


def test_formats_without_a_source(told: Any) -> None:
    result = told(cell("PNG", "JPEG"), cell("PNG", None, "a.gif"), check="image_format")
    assert [example["reason"] for example in result.examples] == ["is PNG, recorded as JPEG", "is PNG, named .gif"]


def sized(width: int | None, height: int | None) -> dict[str, Any]:
    return {"width": width, "height": height, "sha256": bytes(32)}


def test_sizes_are_judged_by_what_is_recorded(told: Any) -> None:
    cells = [sized(640, 480), sized(10, 480), sized(640, 9), sized(4000, 30), sized(None, 5), None]
    result = told(*cells, check="image_size", min_width=64, min_height=64, max_aspect=4, examples=9)
    assert (result.examined, result.failed) == (5, 4)
    assert [(example["value"], example["reason"]) for example in result.examples] == [
        ("10 x 480", "width below 64, aspect above 4"),
        ("640 x 9", "height below 64, aspect above 4"),
        ("4000 x 30", "height below 64, aspect above 4"),
        ("<image>", "no size is recorded"),
    ]
    table = Table(pa.schema({"image": media_type("image")}))
    assert load_check(CheckSpec(check="image_size", column="image", max_pixels=1), table).media is False


@given(
    sides=st.lists(st.tuples(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1)), max_size=20),
    bound=st.sampled_from(["min_width", "min_height", "max_width", "max_height", "max_pixels", "max_aspect"]),
    value=st.integers(1, 2**62),
)
def test_sizes_by_their_definitions(told: Any, sides: list[tuple[int, int]], bound: str, value: int) -> None:
    outside = {
        "min_width": lambda w, h: w < value, "min_height": lambda w, h: h < value,
        "max_width": lambda w, h: w > value, "max_height": lambda w, h: h > value,
        "max_pixels": lambda w, h: w * h > value, "max_aspect": lambda w, h: max(w, h) / min(w, h) > value,
    }[bound]  # fmt: skip
    result = told(*(sized(*pair) for pair in sides), check="image_size", **{bound: value})
    assert result.failed == sum(outside(*pair) for pair in sides)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"check": "image_size"}, "needs a bound: min_width"),
        ({"check": "image_size", "min_width": 9, "max_width": 8}, "min_width 9 is above max_width 8"),
        ({"check": "image_size", "max_aspect": 0.5}, "greater than or equal to 1"),
        ({"check": "not_blurred"}, "min_value"),
        ({"check": "not_blurred", "min_value": 0}, "greater than 0"),
        ({"check": "not_blank", "min_value": 0}, "unknown argument of not_blank 'min_value'"),
        ({"check": "image_decodes", "max_pixels": 10**9}, "less than or equal to"),
    ],
)
def test_senseless_arguments_are_refused(told: Any, declared: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        told(b"", **declared)


@pytest.mark.parametrize("name", ["image_format", "image_size", "not_blank", "not_blurred"])
def test_other_columns_are_refused(judge: Judge, column: Column, name: str) -> None:
    extra = {"not_blurred": {"min_value": 1}, "image_size": {"min_width": 1}}.get(name, {})
    with pytest.raises(UsageError, match=f"{name}: sound is audio, not a column of images"):
        judge({"sound": column([b""], "audio")}, check=name, column="sound", **extra)
