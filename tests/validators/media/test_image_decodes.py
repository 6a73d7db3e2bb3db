from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageFile

from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


def encoded(form: str, side: int = 32) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, (side, side, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(noise).save(file, form)
    return file.getvalue()


def promise(width: int, height: int) -> bytes:
    """A PNG whose header promises a large picture; nothing follows."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    head = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 9) + b"IDAT"


def images(*cells: bytes | None) -> dict[str, pa.Array]:
    rows = [None if data is None else {"bytes": data, "sha256": hashlib.sha256(data).digest()} for data in cells]
    return {"image": pa.array(rows, media_type("image"))}


def reason(judge: Judge, data: bytes, **arguments: int) -> str:
    result = judge(images(data), check="image_decodes", column="image", **arguments)
    assert (result.status, result.failed) == ("failed", 1)
    assert result.examples[0]["value"] == f"<image, {len(data):,} bytes>"
    return result.examples[0]["reason"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_whole_images_pass_and_halves_fail(judge: Judge, form: str) -> None:
    data = encoded(form)
    result = judge(images(data), check="image_decodes", column="image")
    assert (result.status, result.examined, result.message) == ("passed", 1, "0 of 1 images do not decode")
    assert reason(judge, data[: len(data) // 2]).startswith("does not decode: ")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xff\xd8\xff",
    ],
)
def test_what_is_no_image_fails(judge: Judge, data: bytes) -> None:
    assert reason(judge, data) == "not an image: no JPEG, PNG, WEBP, GIF, BMP or TIFF that can be read"


def test_lenient_pillow_makes_no_difference(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert "truncated" in reason(judge, encoded("JPEG")[:-400])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_images_above_the_limit_are_not_decoded(judge: Judge) -> None:
    assert reason(judge, encoded("PNG"), max_pixels=1000) == "32 x 32 = 1,024 pixels, the limit is 1,000"


@pytest.mark.parametrize("sides", [(10_000, 10_000), (20_000, 20_000)])
def test_bombs_fail_without_a_warning(judge: Judge, sides: tuple[int, int]) -> None:
    assert "64,000,000" in reason(judge, promise(*sides))


def test_nulls_are_not_examined_and_missing_bytes_fail(judge: Judge) -> None:
    cells = images(None, encoded("PNG"))["image"].to_pylist()
    cells.append({"uri": "gone.png", "length": 5})
    result = judge({"image": pa.array(cells, media_type("image"))}, check="image_decodes", column="image")
    assert (result.examined, result.failed) == (2, 1)
    assert (result.examples[0]["value"], result.examples[0]["reason"]) == ("<image>", "its bytes are missing")


def test_some_may_be_tolerated(judge: Judge) -> None:
    result = judge(images(b"x", *[encoded("PNG")] * 9), check="image_decodes", column="image", max_failure_rate=0.1)
    assert (result.status, result.failed) == ("passed", 1)


def test_no_rows_pass_and_say_so(judge: Judge) -> None:
    result = judge(images(), check="image_decodes", column="image")
    assert (result.status, result.examined, result.message) == ("passed", 0, "no rows")
