"""image_stats: the numbers by their definitions, the same with and without the extra, and errors by row."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageFilter

from mmreg.curation.image_stats import ImageStats
from mmreg.curation.protocol import Recipe
from mmreg.errors import UsageError
from mmreg.validators.media.perceptual_hash import phash

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]
Answer = Callable[..., list[dict[str, Any]]]


@pytest.fixture(params=["with cv", "without cv"])
def libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without cv":
        monkeypatch.setitem(sys.modules, "simplejpeg", None)
        monkeypatch.setitem(sys.modules, "cv2", None)


def _by_definition(grey: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, float]:
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    laplacian = cv2.filter2D(grey, cv2.CV_64F, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float64))
    return {
        "brightness": grey.mean() / 255,
        "contrast": grey.std() / 255,
        "entropy": -sum(share * np.log2(share) for share in shares if share),
        "blur": laplacian[1:-1, 1:-1].var(),
    }


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("size", [(160, 120), (701, 499), (3, 3), (3, 400)])
def test_numbers_by_their_definitions(scene: Scene, encode: Encode, answer: Answer, size: tuple[int, int]) -> None:
    grey = scene(1, *size).convert("L")
    data = encode(grey)
    [row] = answer("image_stats", image=[data])
    due = _by_definition(np.asarray(grey))
    assert row == {
        "width": size[0],
        "height": size[1],
        "mode": "L",
        "file_size": len(data),
        **{name: pytest.approx(value, rel=1e-6) for name, value in due.items()},
        "phash": phash(np.asarray(grey)),
        "error": None,
    }


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_the_extra_changes_no_number(
    scene: Scene, encode: Encode, answer: Answer, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    images = [encode(scene(seed, 300 + 37 * seed, 200), format) for seed in range(6)]
    with_extra = answer("image_stats", image=images)
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert answer("image_stats", image=images) == with_extra


@pytest.mark.usefixtures("libraries")
def test_an_image_that_is_not_whole_is_an_error_row(scene: Scene, encode: Encode, answer: Answer) -> None:
    whole = encode(scene(2), "JPEG")
    rows = answer("image_stats", image=[whole, whole[:-300], b"nonsense", None, b"", whole])
    assert [row["error"] and row["error"].split(":")[0] for row in rows] == [
        None, "unreadable", "not_an_image", "null_value", "not_an_image", None,
    ]  # fmt: skip
    assert rows[0] == rows[5]
    for row in rows[1:5]:
        assert {value for name, value in row.items() if name != "error"} == {None}


@pytest.mark.usefixtures("libraries")
def test_no_other_library_makes_it_lenient(
    scene: Scene, encode: Encode, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    [row] = answer("image_stats", image=[encode(scene(2), "JPEG")[:-300]])
    assert row["error"].startswith("unreadable: ")


@pytest.mark.usefixtures("libraries")
def test_max_pixels(scene: Scene, encode: Encode, answer: Answer) -> None:
    images = [encode(scene(3), format) for format in ("JPEG", "PNG")]
    assert [row["error"] for row in answer("image_stats", {"max_pixels": 19_200}, image=images)] == [
        None,
        None,
    ]
    assert [row["error"] for row in answer("image_stats", {"max_pixels": 19_199}, image=images)] == [
        "pixel_limit: 160 x 120 = 19,200 pixels, the limit is 19,199"
    ] * 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_pixel": 1}, r"no param 'max_pixel'; did you mean 'max_pixels'"),
        ({"max_pixels": "many"}, r"'max_pixels' is 'many', where an integer is due"),
        ({"max_pixels": True}, r"'max_pixels' is True, where an integer is due"),
        ({"max_pixels": 0}, r"'max_pixels' is 0; it must be 1 to 178,956,970"),
        ({"max_pixels": 10**9}, r"'max_pixels' is 1,000,000,000"),
    ],
)
def test_params_are_checked_before_anything_opens(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ImageStats(Recipe(params=params))


def test_what_the_numbers_mean(scene: Scene, encode: Encode, answer: Answer) -> None:
    sharp = scene(4)
    soft = sharp.filter(ImageFilter.GaussianBlur(3))
    black, white = Image.new("L", (40, 40), 0), Image.new("L", (40, 40), 255)
    half = Image.fromarray(np.repeat([[0, 255]], 20, axis=1).repeat(40, axis=0).astype(np.uint8))
    rows = dict(
        zip(
            ("sharp", "soft", "black", "white", "half"),
            answer("image_stats", image=[encode(image) for image in (sharp, soft, black, white, half)]),
            strict=True,
        )
    )
    assert rows["sharp"]["blur"] > 10 * rows["soft"]["blur"]
    assert (rows["black"]["brightness"], rows["white"]["brightness"]) == (0, 1)
    assert rows["black"]["entropy"] == rows["black"]["contrast"] == rows["black"]["blur"] == 0
    assert (rows["half"]["contrast"], rows["half"]["entropy"]) == (0.5, 1)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_row_does_not_depend_on_its_batch(scene: Scene, encode: Encode, answer: Answer, data: st.DataObject) -> None:
    """Any slice of any batch, also of one sliced before, gives the rows of the whole."""
    cells = [encode(scene(seed, 20, 16), "JPEG") if seed % 5 else None for seed in range(40)]
    whole = answer("image_stats", image=cells)
    start = data.draw(st.integers(0, 40))
    length = data.draw(st.integers(0, 40))
    operator = ImageStats(Recipe())
    operator.open()
    column = pa.array([None if cell is None else {"bytes": cell} for cell in cells])
    part = pa.record_batch({"image": column}).slice(start, length)
    assert operator(part).to_pylist() == whole[start : start + length]
