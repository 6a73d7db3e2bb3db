"""Media that are cut, damaged or something else than they say: a row that tells the truth, or a reason."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from mmreg.validators.media import decode

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(%pipe%touch canary) (w) file\n"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
FOREIGN = {
    "eps": EPS,
    "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj",
    "svg": SVG,
    "wmf": b"\xd7\xcd\xc6\x9a\0\0" + bytes(40),
    "emf": b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60),
    "ppm": b"P6 9 9 255\n" + bytes(243),
    "psd": b"8BPS\0\1" + bytes(40),
    "ico": b"\0\0\1\0\1\0" + bytes(40),
    "html": b"<img src=x onerror=alert(1)>",
    "zip": b"PK\3\4" + bytes(60),
    "nothing": b"",
    "zeros": bytes(500),
}


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((90, 70), 60).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_no_other_parser_is_reached(tmp_path: Path, read: Callable[..., Any], kind: str, suffix: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / f"a.{suffix}").write_bytes(FOREIGN[kind])
    assert read({"type": "imagefolder", "path": "images"}).reason == "not_an_image"
    with pytest.raises(decode.Undecodable, match="not_an_image"):
        decode.rgb(FOREIGN[kind])
    assert not Path("canary").exists()


def test_the_content_decides_what_a_picture_is(tmp_path: Path, read: Callable[..., Any]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4)).save(buffer, "PNG")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(buffer.getvalue())
    [row] = read({"type": "imagefolder", "path": "images"}).rows.values()
    assert (row["image"]["format"], row["image"]["width"]) == ("PNG", 5)


def outcome(read: Callable[..., Any], data: bytes) -> str:
    try:
        read(data, decode.MAX_PIXELS)
    except decode.Undecodable as error:
        return str(error).partition(":")[0]
    return "whole"


@pytest.mark.parametrize("left", [1, 2, 3, 100, 1000], ids=lambda left: f"{left} short")
def test_a_cut_picture_never_counts_as_whole(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where other code has told Pillow to be lenient. The last two bytes say only that it ends."""
    from mmreg.validators.media.pictures import strict

    data = jpeg()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with strict():
        told = [outcome(read, data[:-left]) for read in (decode.rgb, decode.grey_by_pillow, decode.fastest())]
        assert outcome(decode.rgb, data) == "whole"
    assert len(set(told)) == 1, told
    assert left < 3 or told[0] == "unreadable"


def test_a_picture_whose_header_says_another_size(png: Callable[..., bytes], chunk: Callable[..., bytes]) -> None:
    small = png(40, 40)
    body = small[small.index(b"IDAT") - 4 :]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 0, 0, 0, 0))
    assert outcome(decode.rgb, b"\x89PNG\r\n\x1a\n" + header + body) == "unreadable"


def test_a_sound_whose_header_no_column_could_hold(tmp_path: Path, read: Callable[..., Any]) -> None:
    def wav(rate: int, channels: int) -> bytes:
        fmt = struct.pack("<IHHIIHH", 16, 1, channels, rate, 0, 2, 16)
        return b"RIFF" + struct.pack("<I", 40) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", 4) + bytes(4)

    for number, (rate, channels) in enumerate([(2**32 - 1, 1), (8000, 65_535), (8000, 1), (0, 0)]):
        (tmp_path / f"{number}.wav").write_bytes(wav(rate, channels))
    (tmp_path / "all.jsonl").write_text("".join(f'{{"sound": "{number}.wav"}}\n' for number in range(4)))
    found = read({"type": "jsonl", "path": "all.jsonl"}, {"sound": {"type": "audio"}})
    assert [row["sound"]["sample_rate"] for row in found.rows.values()] == [None, None, 8000, None]


def test_ten_hours_of_silence_are_a_header(tmp_path: Path, read: Callable[..., Any]) -> None:
    """The size that a header announces is told as it stands; nothing is decoded or allocated for it."""
    fmt = struct.pack("<IHHIIHH", 16, 1, 2, 48_000, 192_000, 4, 16)
    data = b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", 2**32 - 40)
    (tmp_path / "a.wav").write_bytes(data)
    (tmp_path / "all.jsonl").write_text('{"sound": "a.wav"}\n')
    [row] = read({"type": "jsonl", "path": "all.jsonl"}, {"sound": {"type": "audio"}}).rows.values()
    assert row["sound"]["length"] == len(data)


def test_pillow_is_opened_with_our_formats_only() -> None:
    """And nothing of ours makes it lenient."""
    import mmreg

    package = Path(mmreg.__file__).parent
    for file in package.rglob("*.py"):
        code = file.read_text()
        for at in range(code.count("Image.open(")):
            call = code.split("Image.open(")[at + 1].split(":\n")[0].split("\n")[0]
            assert "formats=" in call or code.split("Image.open(")[at].endswith("The class, not "), f"{file}: {call}"
        assert "LOAD_TRUNCATED_IMAGES = True" not in code, file
