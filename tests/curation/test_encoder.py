"""Encoders: the vectors that the libraries give by hand, from files alone, and no pickle unless asked."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmreg.curation.batching import in_batches
from mmreg.curation.encoder import embedding_dimension, open_encoder
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MissingExtra, NotFound, UsageError

Scene = Callable[..., Image.Image]
TEXTS = ["a red circle", "two dogs above a square", "a " * 100]


@pytest.fixture
def copy(clip_model: LoadedModel, tmp_path: Path) -> LoadedModel:
    """The model again, in a directory that a test may change."""
    assert clip_model.path is not None
    return replace(clip_model, path=Path(shutil.copytree(clip_model.path, tmp_path / "copy")))


def folder_of(model: LoadedModel) -> Path:
    assert model.path is not None
    return model.path


def _unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_open_clip_by_hand(scene: Scene, open_clip_model: LoadedModel) -> None:
    import open_clip
    import torch

    images = [scene(seed, 90, 60) for seed in range(5)]
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{open_clip_model.path}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{open_clip_model.path}")
    model.eval()
    with torch.no_grad():
        due_images = _unit(model.encode_image(torch.stack([preprocess(image) for image in images])).numpy())
        due_texts = _unit(model.encode_text(tokenize(TEXTS)).numpy())
    encoder = open_encoder(open_clip_model)
    assert encoder.embed_images(images) == pytest.approx(due_images, abs=1e-6)
    assert encoder.embed_texts(TEXTS) == pytest.approx(due_texts, abs=1e-6)


def test_transformers_by_hand(scene: Scene, transformers_model: LoadedModel) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

    images = [scene(seed, 90, 60) for seed in range(5)]
    model = CLIPModel.from_pretrained(transformers_model.path).eval()
    pixels = CLIPImageProcessorPil.from_pretrained(transformers_model.path)(images=images, return_tensors="pt")
    tokens = AutoTokenizer.from_pretrained(transformers_model.path)(
        TEXTS, padding=True, truncation=True, max_length=12, return_tensors="pt"
    )
    with torch.no_grad():
        made = model(**tokens, **pixels)
    encoder = open_encoder(transformers_model)
    assert encoder.embed_images(images) == pytest.approx(made.image_embeds.numpy(), abs=1e-6)
    assert encoder.embed_texts(TEXTS) == pytest.approx(made.text_embeds.numpy(), abs=1e-6)


def test_rows_have_norm_one_and_the_promised_length(scene: Scene, clip_model: LoadedModel) -> None:
    encoder = open_encoder(clip_model)
    for rows in (encoder.embed_images([scene(1), scene(2, 31, 99)]), encoder.embed_texts(TEXTS)):
        assert rows.dtype == np.float32
        assert (
            rows.shape[1] == embedding_dimension(clip_model) == {"tiny": 12, "tiny-hf": 8}[clip_model.checkpoint.name]
        )
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


def test_the_same_twice(scene: Scene, clip_model: LoadedModel) -> None:
    images = [scene(seed) for seed in range(3)]
    first, second = (open_encoder(clip_model).embed_images(images) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 130])
def test_batches_keep_order_and_lose_nothing(count: int) -> None:
    sizes: list[int] = []

    def encode(batch: list[int]) -> Any:
        sizes.append(len(batch))
        return np.array([[number] for number in batch], np.float32)

    assert in_batches(encode, iter(range(count))).ravel().tolist() == list(range(count))
    assert max(sizes, default=0) <= 64


def test_images_are_taken_one_by_one(scene: Scene, clip_model: LoadedModel) -> None:
    """Before the next is asked for, nothing holds the one before."""
    import weakref

    seen: list[weakref.ref[Image.Image]] = []

    def images() -> Iterator[Image.Image]:
        for seed in range(4):
            assert sum(ref() is not None for ref in seen) <= 1
            image = scene(seed).copy()
            seen.append(weakref.ref(image))
            yield image
            del image

    assert len(open_encoder(clip_model).embed_images(images())) == 4


def test_no_network(scene: Scene, copy: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        asked.append(where)  # a library may catch what is raised here, and go on without
        raise OSError("there is no network")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    encoder = open_encoder(copy)
    assert len(encoder.embed_texts(TEXTS)) == len(encoder.embed_images([scene(1)] * 3))
    assert asked == [], "somebody asked the network"


def _pickle_weights(folder: Path) -> None:
    """The same weights, as torch.save leaves them."""
    import torch
    from safetensors.torch import load_file

    [file] = folder.glob("*.safetensors")
    torch.save(load_file(file), folder / {"model": "pytorch_model.bin"}.get(file.stem, "open_clip_pytorch_model.bin"))
    file.unlink()


def test_pickles_are_refused_unless_asked_for(scene: Scene, clip_model: LoadedModel, copy: LoadedModel) -> None:
    _pickle_weights(folder_of(copy))
    with pytest.raises(UsageError, match=r"\.bin is a pickle, and loading a pickle may run code") as caught:
        open_encoder(copy)
    assert "allow_pickle: true" in (caught.value.hint or "")
    by_pickle, by_safetensors = open_encoder(copy, allow_pickle=True), open_encoder(clip_model)
    assert np.array_equal(by_pickle.embed_images([scene(1)]), by_safetensors.embed_images([scene(1)]))


class Canary:
    def __init__(self, nest: Path) -> None:
        self.nest = nest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.nest),)


@pytest.mark.parametrize("allow_pickle", [False, True])
def test_a_pickle_with_code_never_runs_it(copy: LoadedModel, tmp_path: Path, allow_pickle: bool) -> None:
    import torch

    [file] = folder_of(copy).glob("*.safetensors")
    file.unlink()
    name = "pytorch_model.bin" if file.stem == "model" else "open_clip_pytorch_model.bin"
    torch.save({"weight": Canary(tmp_path / "it_ran")}, folder_of(copy) / name)
    with pytest.raises(UsageError, match=r"pickle|Weights only load failed"):
        open_encoder(copy, allow_pickle=allow_pickle)
    assert not (tmp_path / "it_ran").exists()


def test_a_pickle_beside_safetensors_is_left_alone(scene: Scene, copy: LoadedModel) -> None:
    for name in ("pytorch_model.bin", "open_clip_pytorch_model.bin"):
        (folder_of(copy) / name).write_bytes(b"no pickle at all")
    assert len(open_encoder(copy).embed_images([scene(1)])) == 1


def test_the_framework_decides_where_both_are_there(
    open_clip_model: LoadedModel, transformers_model: LoadedModel, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    shutil.copytree(folder_of(open_clip_model), both)
    shutil.copytree(folder_of(transformers_model), both, dirs_exist_ok=True)
    for framework, dimension in (("open_clip", 12), ("transformers", 8), ("other", 12)):
        checkpoint = replace(open_clip_model.checkpoint, framework=framework)
        assert embedding_dimension(LoadedModel(checkpoint, both)) == dimension


def test_weights_that_do_not_fit_are_refused(copy: LoadedModel) -> None:
    """transformers alone would fill what is missing with random numbers."""
    from safetensors.torch import load_file, save_file

    [file] = folder_of(copy).glob("*.safetensors")
    weights = load_file(file)
    weights.pop(next(name for name in weights if name.startswith(("visual.", "vision_")) and "weight" in name))
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"not all there|Missing key"):
        open_encoder(copy)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("no json", "is no JSON object"),
        ("[]", "is no JSON object"),
        ("{}", r"has no 'model_cfg'|only 'clip' is read"),
    ],
)
def test_a_configuration_that_says_nothing(copy: LoadedModel, config: str, message: str) -> None:
    name = "open_clip_config.json" if copy.checkpoint.framework == "open_clip" else "config.json"
    (folder_of(copy) / name).write_text(config)
    with pytest.raises(UsageError, match=message):
        embedding_dimension(copy)


def test_a_configuration_without_dimension(open_clip_model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": {}}))
    with pytest.raises(UsageError, match="tells no embedding dimension"):
        embedding_dimension(replace(open_clip_model, path=tmp_path))


def test_a_text_tower_at_an_address_is_not_fetched(open_clip_model: LoadedModel, tmp_path: Path) -> None:
    folder = shutil.copytree(folder_of(open_clip_model), tmp_path / "copy")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_model_name"] = "somebody/text-tower"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="text tower at an address"):
        open_encoder(replace(open_clip_model, path=folder))


def test_what_is_not_there(copy: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is behind an address"):
        open_encoder(replace(copy, path=None))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match=r"there is no open_clip_config\.json or config\.json"):
        open_encoder(replace(copy, path=tmp_path / "empty"))
    next(folder_of(copy).glob("*.safetensors")).unlink()
    with pytest.raises(NotFound, match=r"there is no (open_clip_)?model\.safetensors"):
        open_encoder(copy)


def test_a_missing_library_names_its_extra(clip_model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    open_clip = clip_model.checkpoint.framework == "open_clip"
    monkeypatch.setitem(sys.modules, "open_clip" if open_clip else "transformers", None)
    assert embedding_dimension(clip_model) > 0
    with pytest.raises(MissingExtra) as caught:
        open_encoder(clip_model)
    assert caught.value.extra == ("clip" if open_clip else "mllm")
