"""One decode: the same grey whoever decodes, transparency on white, and a reason for what is not whole."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from mmreg.validators.media import decode
from mmreg.validators.media.decode import Decoder, Undecodable
from mmreg.validators.media.pictures import strict

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]
LIMIT = decode.MAX_PIXELS


@pytest.fixture(params=["with cv", "without cv"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Decoder:
    if request.param == "without cv":
        monkeypatch.setitem(sys.modules, "simplejpeg", None)
    return decode.fastest()


def test_the_extra_brings_another_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode.fastest() is not decode.grey_by_pillow
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    assert decode.fastest() is decode.grey_by_pillow


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 20}])
def test_both_decoders_give_the_same_jpeg(scene: Scene, encode: Encode, options: dict[str, int]) -> None:
    data = encode(scene(1, 161, 123), "JPEG", **options)
    fast, plain = decode.fastest()(data, LIMIT), decode.grey_by_pillow(data)
    assert (fast.width, fast.height, fast.mode) == (plain.width, plain.height, plain.mode) == (161, 123, "RGB")
    assert np.array_equal(fast.grey, plain.grey)
    through_colours = np.asarray(decode.rgb(data).convert("L"))
    assert np.abs(fast.grey.astype(int) - through_colours).mean() < 1  # colours are clipped, luma is not


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
@pytest.mark.parametrize("format", ["PNG", "GIF", "TIFF", "BMP"])
def test_grey_is_what_pillow_calls_l(scene: Scene, encode: Encode, decoder: Decoder, mode: str, format: str) -> None:
    data = encode(scene(2).convert(mode), format)
    picture = decoder(data, LIMIT)
    with Image.open(io.BytesIO(data)) as image:
        assert picture.mode == image.mode
        assert np.array_equal(picture.grey, np.asarray(image.convert("RGB").convert("L")))


def test_cmyk_jpeg_goes_through_its_colours(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    image = scene(3).convert("CMYK")
    picture = decoder(encode(image, "JPEG", quality=95), LIMIT)
    assert picture.mode == "CMYK"
    assert np.abs(picture.grey.astype(int) - np.asarray(image.convert("RGB").convert("L"))).mean() < 2


def test_grey_jpeg(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    picture = decoder(encode(scene(4).convert("L"), "JPEG"), LIMIT)
    assert (picture.mode, picture.grey.shape) == ("L", (120, 160))


def _transparent(kind: str, encode: Encode) -> bytes:
    """Left half black and opaque, right half black and transparent."""
    image = Image.new("RGBA", (8, 4), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (4, 0, 8, 4))
    if kind == "palette":
        palette = Image.new("P", (8, 4), 0)
        palette.putpalette([0, 0, 0, 0, 0, 0])
        palette.paste(1, (4, 0, 8, 4))
        return encode(palette, "PNG", transparency=1)
    if kind == "colour key":
        keyed = Image.new("RGB", (8, 4), (0, 0, 0))
        keyed.paste((1, 2, 3), (4, 0, 8, 4))
        return encode(keyed, "PNG", transparency=(1, 2, 3))
    return encode(image.convert(kind), "PNG")


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "colour key"])
def test_transparent_pixels_lie_on_white(encode: Encode, decoder: Decoder, kind: str) -> None:
    data = _transparent(kind, encode)
    grey = decoder(data, LIMIT).grey
    assert np.array_equal(grey, np.repeat([[0] * 4 + [255] * 4], 4, axis=0))
    assert np.array_equal(np.asarray(decode.rgb(data)), np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "colour key", "L", "I;16"])
def test_strips_do_not_show(encode: Encode, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    shades = np.arange(0, 32 * 2**11, 2**11, np.uint16).reshape(4, 8)
    plain = {"L": Image.fromarray((shades >> 8).astype(np.uint8)), "I;16": Image.fromarray(shades)}
    data = encode(plain[kind]) if kind in plain else _transparent(kind, encode)
    whole = decode.grey_by_pillow(data).grey
    monkeypatch.setattr(decode, "_STRIP_PIXELS", 24)
    assert np.array_equal(decode.grey_by_pillow(data).grey, whole)


def test_half_transparent_black_is_middle_grey(encode: Encode, decoder: Decoder) -> None:
    data = encode(Image.new("RGBA", (3, 3), (0, 0, 0, 128)))
    assert np.unique(decoder(data, LIMIT).grey).tolist() == [127]
    assert decode.rgb(data).getpixel((1, 1)) == (127, 127, 127)


def test_sixteen_bits_keep_their_high_byte(encode: Encode, decoder: Decoder) -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 65535]], np.uint16))
    data = encode(deep, "PNG")
    assert decoder(data, LIMIT).grey.tolist() == [[0, 0, 1, 255]]
    assert decode.rgb(data).getpixel((3, 0)) == (255, 255, 255)


def test_the_first_frame_counts(encode: Encode, decoder: Decoder) -> None:
    frames = [Image.new("L", (5, 5), level) for level in (10, 200)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.unique(decoder(data, LIMIT).grey).tolist() == [10]


def test_orientation_is_left_as_stored(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decoder(encode(scene(5), "JPEG", exif=exif), LIMIT)
    assert (picture.width, picture.height) == (160, 120)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_cut_short_is_unreadable(scene: Scene, encode: Encode, decoder: Decoder, format: str, share: float) -> None:
    data = encode(scene(6), format)
    for read in (lambda cut: decoder(cut, LIMIT), decode.rgb):
        with pytest.raises(Undecodable, match=r"^(unreadable|not_an_image): \w"):
            read(data[: int(len(data) * share)])


def test_a_header_without_a_body_is_unreadable(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    data = encode(scene(7), "JPEG")
    body = data.index(b"\xff\xda") + 40
    with pytest.raises(Undecodable, match=r"unreadable: image file is truncated"):
        decoder(data[:body], LIMIT)


def test_reasons_are_the_same_in_every_run(decoder: Decoder) -> None:
    reasons = set()
    for _ in range(2):
        with pytest.raises(Undecodable) as caught:
            decoder(b"surely no image", LIMIT)
        reasons.add(str(caught.value))
    assert reasons == {"not_an_image: no JPEG, PNG, WEBP, GIF, BMP or TIFF that can be read"}


def test_other_parsers_are_never_reached(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    for format in ("PPM", "EPS", "ICO"):
        with pytest.raises(Undecodable, match="not_an_image"):
            decoder(encode(scene(10, 32, 32), format), LIMIT)


def test_strict_holds_where_others_are_lenient(
    scene: Scene, encode: Encode, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a library switched on what fills cut images up with grey; its setting is given back."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    cut = encode(scene(11), "JPEG")[:-300]
    assert decoder(cut, LIMIT).width == 160
    with strict(), pytest.raises(Undecodable, match="unreadable"):
        decoder(cut, LIMIT)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_nothing_is_no_image(decoder: Decoder) -> None:
    with pytest.raises(Undecodable, match="null_value: there is no image"):
        decoder(None, LIMIT)
    with pytest.raises(Undecodable, match="not_an_image"):
        decoder(b"", LIMIT)


def _png_header(width: int, height: int, encode: Encode) -> bytes:
    """A PNG that announces a size and has pixels for next to none of it."""
    import struct
    import zlib

    small = encode(Image.new("L", (1, 1)))
    head = b"IHDR" + struct.pack(">II", width, height) + small[24:29]
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


@pytest.mark.parametrize(("width", "height"), [(9_000, 9_000), (10_000, 10_000), (20_990, 29_700)])
def test_too_many_pixels_are_refused_by_the_header(encode: Encode, decoder: Decoder, width: int, height: int) -> None:
    data = _png_header(width, height, encode)
    for read in (decoder, decode.rgb):
        with pytest.raises(Undecodable, match=r"^pixel_limit: .*64,000,000"):
            read(data, LIMIT)


def test_the_limit_counts_for_jpeg_too(scene: Scene, encode: Encode, decoder: Decoder) -> None:
    data = encode(scene(8), "JPEG")
    assert decoder(data, 160 * 120).width == 160
    with pytest.raises(Undecodable, match="pixel_limit: 160 x 120 = 19,200 pixels, the limit is 19,199"):
        decoder(data, 160 * 120 - 1)


def test_a_side_longer_than_any_jpeg_is_refused(encode: Encode, decoder: Decoder) -> None:
    with pytest.raises(Undecodable, match="no side may be over 65,535"):
        decoder(_png_header(70_000, 2, encode), LIMIT)


@settings(max_examples=60, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4), keep=st.floats(0, 1))
def test_damage_ends_in_pixels_or_in_a_reason(
    scene: Scene, encode: Encode, damage: list[tuple[int, int]], keep: float
) -> None:
    for format in ("JPEG", "PNG"):
        data = bytearray(encode(scene(9, 40, 30), format))
        for place, value in damage:
            data[place % len(data)] = value
        cut = bytes(data[: int(len(data) * keep)]) if keep < 0.5 else bytes(data)
        outcomes: list[object] = []
        for read in (decode.fastest(), decode.grey_by_pillow):
            try:
                picture = read(cut, LIMIT)
            except Undecodable as reason:
                outcomes.append(str(reason))
            else:
                outcomes.append((picture.width, picture.height, picture.mode, picture.grey.tobytes()))
        assert outcomes[0] == outcomes[1]
