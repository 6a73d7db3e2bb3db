"""What headers say, held against the libraries that decode; and headers that lie."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmreg.schemas.declaration import Limits
from mmreg.sources.audio import audio_facts, video_facts
from mmreg.sources.image import image_facts
from mmreg.sources.record import Refused

LIMITS = Limits()
Picture = Callable[..., bytes]


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "L", {}), ("PNG", "P", {}), ("PNG", "1", {}),
        ("PNG", "I;16", {}), ("JPEG", "RGB", {}), ("JPEG", "L", {}), ("JPEG", "CMYK", {}), ("GIF", "P", {}),
        ("BMP", "RGB", {}), ("BMP", "1", {}), ("TIFF", "RGB", {}), ("TIFF", "F", {}),
        ("WEBP", "RGB", {}), ("WEBP", "RGBA", {}), ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
    ],
)  # fmt: skip
def test_facts_are_those_of_pillow(picture: Picture, kind, mode, options) -> None:
    data = picture(kind, (300, 17), mode, **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image_facts(io.BytesIO(data), LIMITS) == (image.format, image.width, image.height, image.mode)


def test_an_animated_webp_is_one_picture(picture: Picture) -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    assert image_facts(io.BytesIO(buffer.getvalue()), LIMITS)[:3] == ("WEBP", 40, 30)


def test_two_pictures_in_one_jpeg_are_a_jpeg() -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green")]
    frames[0].save(buffer, "MPO", save_all=True, append_images=frames[1:])
    assert image_facts(io.BytesIO(buffer.getvalue()), LIMITS) == ("JPEG", 40, 30, "RGB")


@pytest.mark.parametrize(
    "bomb",
    [
        b"BM" + struct.pack("<IHHIIiiHHIIIIII", 58, 0, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0" + struct.pack("<HH", 65535, 65535)
        + b"\0\x08\0;",
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2,
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
        b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00",
    ],
)  # fmt: skip
def test_a_bomb_in_any_format_is_refused_without_a_warning(bomb: bytes) -> None:
    with pytest.raises(Refused) as refused:
        image_facts(io.BytesIO(bomb), LIMITS)
    assert refused.value.reason == "pixel_limit"


def test_a_header_that_pillow_warns_of_is_read_in_silence(picture: Picture) -> None:
    data = picture("TIFF", (8, 6), "L", tiffinfo={270: "x" * 100})
    broken = data.replace(struct.pack("<HHI", 270, 2, 101), struct.pack("<HHI", 270, 2, 10**6))
    assert broken != data
    assert image_facts(io.BytesIO(broken), LIMITS)[:3] == ("TIFF", 8, 6)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"GIF89a",
            b"BM",
            b"II*\0",
            b"MM\0*",
            b"RIFF\0\0\0\0WEBPVP8 ",
        ]
    ),
    st.binary(max_size=200),
)
def test_whatever_follows_the_first_bytes_it_is_facts_or_a_refusal(start: bytes, rest: bytes) -> None:
    try:
        kind, width, height, mode = image_facts(io.BytesIO(start + rest), LIMITS)
    except Refused as refused:
        assert refused.reason in ("not_an_image", "pixel_limit")
    else:
        assert kind and mode
        assert 0 < width * height <= LIMITS.max_pixels


def sound(seconds: float, rate: int = 16_000, channels: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * 2 * channels))
    return buffer.getvalue()


def flac(rate: int, channels: int, samples: int) -> bytes:
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
    return b"fLaC\x80\0\0\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (sound(1.5), ("wav", 16_000, 2, 1500)),
        (sound(1.5)[:44], ("wav", 16_000, 2, 1500)),
        (sound(1)[:30], ("wav", None, None, None)),
        (sound(1)[:20] + b"\x03\0" + sound(1)[22:], ("wav", None, None, None)),
        (flac(44_100, 1, 44_100 * 3), ("flac", 44_100, 1, 3000)),
        (b"fLaC", ("flac", None, None, None)),
        (b"OggS" + bytes(20), ("ogg", None, None, None)),
        (b"ID3\x04" + bytes(20), ("mp3", None, None, None)),
        (b"\xff\xfb\x90\x64" + bytes(20), ("mp3", None, None, None)),
    ],
)
def test_sounds(data: bytes, facts: tuple[object, ...]) -> None:
    assert audio_facts(io.BytesIO(data)) == facts


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0", b"\xff\xff\xff\xff", b"RIFF\0\0\0\0AVI ", b"text"])
def test_what_is_no_sound(data: bytes) -> None:
    with pytest.raises(Refused, match="not_audio"):
        audio_facts(io.BytesIO(data))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x88matroska", "mkv"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
    ],
)
def test_films(data: bytes, name: str) -> None:
    assert video_facts(io.BytesIO(data)) == (name, None, None, None, None)


@pytest.mark.parametrize("data", [b"", b"OggS", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x20moov"])
def test_what_is_no_film(data: bytes) -> None:
    with pytest.raises(Refused, match="not_video"):
        video_facts(io.BytesIO(data))
