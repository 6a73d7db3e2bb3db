"""The hash: near ImageHash's, near itself after what people do to images, far between different images."""

from __future__ import annotations

import io
from collections.abc import Callable

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from mmreg.validators.media.perceptual_hash import distance, phash

Scene = Callable[..., Image.Image]


def of(image: Image.Image) -> int:
    return phash(np.asarray(image.convert("L")))


@pytest.mark.parametrize("size", [(160, 120), (333, 77), (32, 32), (700, 512)])
def test_it_reads_like_imagehash(scene: Scene, size: tuple[int, int]) -> None:
    for seed in range(10):
        image = scene(seed, *size)
        theirs = int(str(imagehash.phash(image)), 16)
        assert distance(of(image), theirs) <= 8


def test_it_is_the_dct_of_the_mean_of_cells(scene: Scene) -> None:
    """By the definition, where cells are whole pixels: 64 x 96 is 32 x 32 cells of 2 x 3."""
    grey = np.asarray(scene(1, 96, 64).convert("L"))
    cells = grey.reshape(32, 2, 32, 3).mean(axis=(1, 3))
    angle = np.pi / 32 * np.outer(np.arange(8), np.arange(32) + 0.5)
    low = np.cos(angle) @ cells @ np.cos(angle).T
    bits = "".join("01"[int(value)] for value in (low > np.median(low)).ravel())
    assert phash(grey) == int(bits, 2)


def _recode(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "edit",
    [
        lambda image: image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS),
        lambda image: image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC),
        lambda image: ImageEnhance.Brightness(image).enhance(1.08),
        _recode,
    ],
    ids=["smaller", "larger", "brighter", "recoded"],
)
def test_it_stays_near_after_an_edit(scene: Scene, edit: Callable[[Image.Image], Image.Image]) -> None:
    for seed in range(10):
        image = scene(seed, 240, 180)
        assert distance(of(image), of(edit(image))) <= 8


def test_different_images_are_far(scene: Scene) -> None:
    hashes = [of(scene(seed)) for seed in range(20)]
    assert min(distance(a, b) for n, a in enumerate(hashes) for b in hashes[:n]) > 12


@pytest.mark.parametrize("size", [(1, 1), (31, 5), (100, 300), (4000, 3)])
def test_blank_images_of_any_size_are_one(size: tuple[int, int]) -> None:
    assert {phash(np.full(size, level, np.uint8)) for level in (1, 77, 255)} == {1 << 63}
    assert phash(np.zeros(size, np.uint8)) == 0


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), factor=st.integers(1, 6), seed=st.integers(0, 99))
def test_each_pixel_doubled_changes_nothing(height: int, width: int, factor: int, seed: int) -> None:
    """Shrinking by area cannot see into how many equal parts a pixel is cut."""
    grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    larger = np.kron(grey, np.ones((factor, factor), np.uint8))
    assert distance(phash(grey), phash(larger)) <= 2  # rounding may decide a frequency that is the median


def test_strips_do_not_show(scene: Scene) -> None:
    """An image of several strips has the hash of its half-size mean."""
    grey = np.asarray(scene(3, 1280, 960).convert("L"))
    halves = grey.reshape(480, 2, 640, 2).mean(axis=(1, 3))
    assert distance(phash(grey), phash(np.round(halves).astype(np.uint8))) <= 1
