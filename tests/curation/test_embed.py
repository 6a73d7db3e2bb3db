"""embed: one vector a row, in order, whatever fails between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mmreg.curation import decode
from mmreg.curation.embed import Embed
from mmreg.curation.encoder import open_encoder
from mmreg.curation.protocol import LoadedModel, Recipe
from mmreg.errors import UsageError

Scene = Callable[..., Image.Image]
Encode = Callable[..., bytes]
Answer = Callable[..., list[dict[str, Any]]]


def test_images(scene: Scene, encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    images = [encode(scene(seed, 80, 50), "PNG" if seed % 2 else "JPEG") for seed in range(70)]
    rows = answer("embed", model=clip_model, image=images)
    due = open_encoder(clip_model).embed_images([decode.rgb(data) for data in images])
    assert [row["embedding"] for row in rows] == [pytest.approx(vector, abs=1e-6) for vector in due.tolist()]
    assert {row["error"] for row in rows} == {None}


def test_texts(answer: Answer, clip_model: LoadedModel) -> None:
    rows = answer("embed", model=clip_model, text=["two dogs", "a red circle"])
    due = open_encoder(clip_model).embed_texts(["two dogs", "a red circle"])
    assert [row["embedding"] for row in rows] == [pytest.approx(vector, abs=1e-6) for vector in due.tolist()]


def test_failures_take_no_neighbour_down(scene: Scene, encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    good = encode(scene(1), "JPEG")
    rows = answer("embed", model=clip_model, image=[None, good, good[:-200], b"nonsense", good])
    assert [row["error"] and row["error"].split(":")[0] for row in rows] == [
        "null_value", None, "unreadable", "not_an_image", None,
    ]  # fmt: skip
    assert [row["embedding"] is None for row in rows] == [True, False, True, True, False]
    assert rows[1] == rows[4]
    texts = answer("embed", model=clip_model, text=["", "two dogs", " \n", None])
    assert [row["error"] and row["error"].split(":")[0] for row in texts] == [
        "empty_text", None, "empty_text", "null_value",
    ]  # fmt: skip


def test_nothing_but_failures(answer: Answer, clip_model: LoadedModel) -> None:
    assert [row["embedding"] for row in answer("embed", model=clip_model, image=[None, b""])] == [None, None]
    assert answer("embed", model=clip_model, text=[]) == []


def test_the_limit(scene: Scene, encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    [row] = answer("embed", {"max_pixels": 100}, clip_model, image=[encode(scene(1))])
    assert row["error"] == "pixel_limit: 160 x 120 = 19,200 pixels, the limit is 100"


def test_transparent_images_lie_on_white(encode: Encode, answer: Answer, clip_model: LoadedModel) -> None:
    clear, white = Image.new("RGBA", (40, 40), (0, 0, 0, 0)), Image.new("RGB", (40, 40), "white")
    rows = answer("embed", model=clip_model, image=[encode(clear), encode(white)])
    assert rows[0]["embedding"] == rows[1]["embedding"]


def test_the_promise_needs_no_weights(clip_model: LoadedModel) -> None:
    [field] = Embed(Recipe(model=clip_model, columns={"image": "picture"})).outputs()
    assert field.name == "embedding"
    assert field.type == pa.list_(pa.float32(), {"tiny": 12, "tiny-hf": 8}[clip_model.checkpoint.name])


def test_declarations_that_make_no_sense(open_clip_model: LoadedModel) -> None:
    with pytest.raises(UsageError, match="embed needs a model"):
        Embed(Recipe(columns={"image": "image"}))
    for columns in ({}, {"image": "image", "text": "caption"}):
        with pytest.raises(UsageError, match="either an image or a text"):
            Embed(Recipe(model=open_clip_model, columns=columns))
    with pytest.raises(UsageError, match="no param 'allow_pickles'; did you mean 'allow_pickle'"):
        Embed(Recipe(model=open_clip_model, columns={"image": "image"}, params={"allow_pickles": True}))
    with pytest.raises(UsageError, match="'allow_pickle' is 'yes', where true or false is due"):
        Embed(Recipe(model=open_clip_model, columns={"image": "image"}, params={"allow_pickle": "yes"}))


def test_a_row_does_not_depend_on_its_neighbours(
    scene: Scene, encode: Encode, opened: Callable[..., Answer], clip_model: LoadedModel
) -> None:
    rows = opened("embed", ["image"], None, clip_model)
    images = [encode(scene(seed)) for seed in range(5)]
    together = [row["embedding"] for row in rows(image=images)]
    alone = [rows(image=[data])[0]["embedding"] for data in images]
    assert np.array(together) == pytest.approx(np.array(alone), abs=1e-5)
