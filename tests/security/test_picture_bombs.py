"""Pictures that are small as files and large as anything else: refused by what they say, in bounded memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmreg.sources.bombs import MOST_SCANS
from mmreg.validators.media import decode

MOST_MIB = 100
LOOK = """
    from pathlib import Path
    from mmreg.validators.media import decode
    from mmreg.schemas.declaration import DatasetSpec
    from mmreg.sources import open_source
    from mmreg.sources.image import image_facts
    from mmreg.validators.media.pictures import strict
    import mmreg.sources.imagefolder, simplejpeg
    folder = Path(sys.argv[1])
    BEGIN
    spec = DatasetSpec.model_validate({"source": {"type": "imagefolder", "path": "."},
                                       "columns": {"image": {"type": "image"}}})
    for part in open_source("pairs", spec, folder).read(None):
        for refused in part.rejected:
            print(refused.source, refused.reason)
    with strict():
        for file in sorted(folder.iterdir()):
            for read in (decode.rgb, decode.fastest()):
                try:
                    read(file.read_bytes(), 64_000_000)
                    print(file.name, "decoded")
                except decode.Undecodable as error:
                    print(file.name, str(error).partition(":")[0])
"""


def webp(side: int) -> bytes:
    """A lossless picture of one colour takes 34 bytes."""
    bits = (side - 1) | (side - 1) << 14
    body = b"\x2f" + struct.pack("<I", bits) + b"\x00" * 8
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def tiff(fields: list[tuple[int, int, int, int]], body: bytes = b"") -> bytes:
    """``fields``: tag, type, count, value; ``body`` follows the directory."""
    entries = b"".join(
        struct.pack("<HHI", tag, kind, count)
        + (struct.pack("<HH", value, 0) if kind == 3 and count == 1 else struct.pack("<I", value))
        for tag, kind, count, value in sorted(fields)
    )
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + struct.pack("<I", 0) + body


def tiled_tiff(side: int) -> bytes:
    """64 x 64 grey pixels in one tile of ``side`` x ``side``."""
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(bytes(side)) for _ in range(side)) + packed.flush()
    at = 8 + 2 + 12 * 9 + 4
    return tiff(
        [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (322, 4, 1, side),
         (323, 4, 1, side), (324, 4, 1, at), (325, 4, 1, len(body))],
        body,
    )  # fmt: skip


def repeated_jpeg(scans: int) -> bytes:
    """A progressive JPEG that sends its last scan again and again."""
    buffer = io.BytesIO()
    Image.new("L", (1000, 1000)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last, end = data.rfind(b"\xff\xda"), data.rfind(b"\xff\xd9")
    return data[:end] + data[last:end] * scans + data[end:]


def gif(canvas: int = 8, frame: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (8, 8)).save(buffer, "GIF")
    data = bytearray(buffer.getvalue())
    data[6:10] = struct.pack("<HH", canvas, canvas)
    at = data.index(b",") + 5
    data[at : at + 4] = struct.pack("<HH", frame, frame)
    return bytes(data)


def test_pictures_of_too_many_pixels(
    tmp_path: Path, png: Callable[..., bytes], peak: Callable[..., tuple[str, int]]
) -> None:
    """13,000 squared is what Pillow only warns of, 20,000 squared what it refuses; a palette costs three times more."""
    bombs = {
        "a.png": png(13_000, 13_000),
        "b.png": png(20_000, 20_000, whole=False),
        "c.webp": webp(16_383),
        "d.gif": gif(canvas=65_000),
        "e.gif": gif(frame=60_000),
        "f.bmp": b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 30000, 30000, 1, 8, *[0] * 6),
        "g.tif": tiff([(256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)]),
    }
    for name, data in bombs.items():
        assert len(data) < 200_000
        (tmp_path / name).write_bytes(data)
    said, grown = peak(LOOK, tmp_path)
    assert grown < MOST_MIB, f"{grown} MiB"
    for name in bombs:
        told = [line.split()[1] for line in said.splitlines() if line.startswith(f"{name} ")]
        assert len(told) == 3 and set(told) <= {"pixel_limit", "not_an_image"}, (name, told)


def test_chunks_that_unpack_to_hundreds_of_megabytes(
    tmp_path: Path, png: Callable[..., bytes], chunk: Callable[..., bytes], peak: Callable[..., tuple[str, int]]
) -> None:
    large = zlib.compress(bytes(200_000_000), 1)
    (tmp_path / "iccp.png").write_bytes(png(8, 8, chunk(b"iCCP", b"k\0\0" + large)))
    (tmp_path / "ztxt.png").write_bytes(png(8, 8, chunk(b"zTXt", b"k\0\0" + large)))
    texts = [chunk(b"iTXt", b"k%d\0\1\0\0\0" % i + zlib.compress(bytes(900_000))) for i in range(300)]
    (tmp_path / "itxt.png").write_bytes(png(8, 8, b"".join(texts)))
    (tmp_path / "exif.png").write_bytes(png(8, 8, chunk(b"eXIf", b"Exif\0\0" + b"II*\0" + b"\xff" * 20_000_000)))
    said, grown = peak(LOOK, tmp_path)
    assert grown < 2 * MOST_MIB, f"{grown} MiB"  # Pillow itself lets 64 MiB of texts pass
    for name in ("iccp.png", "ztxt.png", "itxt.png"):
        assert f"{name} not_an_image" in said and f"{name} unreadable" in said
    assert said.count("exif.png decoded") == 2, "what nobody asks for is not looked at"


def test_small_pictures_with_large_insides(tmp_path: Path, peak: Callable[..., tuple[str, int]]) -> None:
    """Their pixels are few; what a decoder would do for them is not."""
    (tmp_path / "tile.tif").write_bytes(tiled_tiff(20_000))
    numbers = [(273, 4, 40_000_000, 8), (279, 4, 40_000_000, 8)]
    (tmp_path / "long.tif").write_bytes(tiff([(256, 4, 1, 8), (257, 4, 1, 8), *numbers], bytes(20_000_000)))
    (tmp_path / "scans.jpg").write_bytes(repeated_jpeg(20_000))
    (tmp_path / "big.tif").write_bytes(b"II+\0" + bytes(60))
    said, grown = peak(LOOK, tmp_path)
    assert grown < MOST_MIB, f"{grown} MiB"
    assert {"tile.tif pixel_limit", "long.tif not_an_image", "big.tif not_an_image"} <= set(said.splitlines())
    assert said.splitlines().count("scans.jpg pixel_limit") == 2
    assert "decoded" not in said


def test_honest_pictures_of_these_kinds_pass() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (500, 400)).save(buffer, "TIFF", compression="tiff_deflate", tile=(64, 64))
    assert decode.rgb(buffer.getvalue()).size == (500, 400)
    assert decode.rgb(tiled_tiff(256)).size == (64, 64)
    assert decode.rgb(repeated_jpeg(MOST_SCANS // 2)).size == (1000, 1000)


@pytest.mark.parametrize("place", ["a comment", "a table", "the thumbnail"])
def test_an_end_within_a_segment_hides_no_scan(place: str) -> None:
    """What looks like the end of the picture may stand in a segment, which decoders skip by its length."""
    marker = {"a comment": 0xFE, "a table": 0xEF, "the thumbnail": 0xE1}[place]
    hidden = b"\xff" + bytes([marker]) + struct.pack(">H", 2 + 4) + b"\xff\xd9\xff\xd9"
    data = repeated_jpeg(2 * MOST_SCANS)
    first = data.index(b"\xff\xda")
    for at in (2, first, data.index(b"\xff\xda", first + 2)):
        with pytest.raises(decode.Undecodable, match="pixel_limit"):
            decode.rgb(data[:at] + hidden + data[at:])


def test_the_check_refuses_them_too(place: Any, png: Callable[..., bytes]) -> None:
    """What came in under wider limits is judged again by `image_decodes`."""
    images = place.folder / "images"
    images.mkdir()
    (images / "wide.png").write_bytes(png(9_000, 9_000))
    (images / "scans.jpg").write_bytes(repeated_jpeg(2 * MOST_SCANS))
    Image.new("RGB", (9, 9)).save(images / "fine.png")
    place.declare("""
        version: 1
        project: small
        datasets:
          pairs:
            source: {type: imagefolder, path: images, limits: {max_pixels: 100000000}}
            columns: {image: {type: image}}
        passes:
          stats: {from: pairs, use: image_stats, inputs: {image: image}, max_error_rate: 1}
        checks:
          pairs: [{check: image_decodes, column: image}]
    """)
    place.call("init")
    place.call("apply", "--quiet", status=1)
    [report] = place.json("validate", "pairs", status=1)["reports"]
    assert report["results"][0]["failed"] == 2
    assert {row["error"].partition(":")[0] for row in place.json("errors", "stats")} == {"pixel_limit"}
