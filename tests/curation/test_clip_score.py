"""clip_score: the raw cosine of what embed gives, and an error where either side cannot be embedded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmreg.curation.clip_score import ClipScore
from mmreg.curation.protocol import LoadedModel, Recipe
from mmreg.errors import UsageError

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]
Answer = Callable[..., list[dict[str, Any]]]
WORDS = ("red", "blue", "square", "circle", "dogs")


def test_it_is_the_cosine(scene: Scene, encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    images = [encode(scene(seed), "JPEG") for seed in range(20)]
    texts = [f"{WORDS[seed % 5]} {WORDS[seed // 5]}" for seed in range(20)]
    scores = [row["score"] for row in answer("clip_score", model=clip_model, image=images, text=texts)]
    a = np.array([row["embedding"] for row in answer("embed", model=clip_model, image=images)])
    b = np.array([row["embedding"] for row in answer("embed", model=clip_model, text=texts)])
    assert scores == pytest.approx((a * b).sum(axis=1).tolist(), abs=1e-6)
    assert min(scores) >= -1 - 1e-6
    assert max(scores) <= 1 + 1e-6
    assert len(set(scores)) == 20
    assert min(scores) < 0  # nothing is cut off at zero


def test_either_side_may_fail(scene: Scene, encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    good = encode(scene(1), "JPEG")
    rows = answer(
        "clip_score",
        model=clip_model,
        image=[good, good[:-200], None, good, good, b"nonsense"],
        text=["two dogs", "two dogs", "two dogs", "", None, ""],
    )
    assert [row["error"] and row["error"].split(":")[0] for row in rows] == [
        None, "unreadable", "null_value", "empty_text", "null_value", "not_an_image",
    ]  # fmt: skip
    assert [row["score"] is None for row in rows] == [False, True, True, True, True, True]


def test_declarations_that_make_no_sense(clip_model: LoadedModel) -> None:
    with pytest.raises(UsageError, match="clip_score needs a model"):
        ClipScore(Recipe())
    with pytest.raises(UsageError, match="clip_score has no param 'max_pixel'; did you mean 'max_pixels'"):
        ClipScore(Recipe(model=clip_model, params={"max_pixel": 3}))
