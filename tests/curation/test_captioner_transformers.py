"""Captions by a model of transformers: what the library says by hand, in batches, from files alone."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmreg.curation.captioner import Captioner, Params, Question, open_captioner
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MissingExtra, NotFound, UsageError

PROMPTS = ["what?", "what can be seen in this picture, and where?", "colours"]


@pytest.fixture
def pictures(scene: Callable[..., Image.Image], encode: Callable[..., bytes]) -> list[bytes]:
    return [encode(scene(seed, 40 + 9 * seed, 33)) for seed in range(4)]


@pytest.fixture
def copy(llava_model: LoadedModel, tmp_path: Path) -> Path:
    """The model again, in a directory that a test may change."""
    assert llava_model.path is not None
    return Path(shutil.copytree(llava_model.path, tmp_path / "copy"))


def at(folder: Path, model: LoadedModel, **params: Any) -> Captioner:
    return open_captioner(replace(model, path=folder), Params(**{"max_new_tokens": 12, **params}), None)


def captioner(model: LoadedModel, **params: Any) -> Captioner:
    assert model.path is not None
    return at(model.path, model, **params)


def by_hand(model: LoadedModel, prompt: str, images: list[bytes]) -> str:
    """What the library answers for one row, its processor and its model called one after the other."""
    import io

    import torch
    from transformers import LlavaForConditionalGeneration, LlavaProcessor

    processor = LlavaProcessor.from_pretrained(model.path)
    loaded = LlavaForConditionalGeneration.from_pretrained(model.path).eval()
    opened = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
    text = f"user: {'<image>' * len(images)}{prompt}\nassistant: "
    inputs = processor(text=text, images=opened, return_tensors="pt")
    with torch.no_grad():
        made = loaded.generate(**inputs, max_new_tokens=12, do_sample=False, pad_token_id=0)
    said: str = processor.tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return said.strip()


def test_by_hand(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    questions = [
        Question(PROMPTS[0], (pictures[0],)),
        Question(PROMPTS[1], (pictures[1], pictures[2], pictures[3])),
        Question(PROMPTS[2], (pictures[3],)),
    ]
    replies = captioner(llava_model).ask(questions)
    due = [by_hand(llava_model, question.prompt, list(question.images)) for question in questions]
    assert [reply.text for reply in replies] == due
    assert len(set(due)) == 3


def test_each_image_and_the_prompt_matter(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    one, two, three, four = pictures
    asked = [("a", (one, two)), ("a", (one, three)), ("a", (four, two)), ("a", (two, one)), ("b", (one, two))]
    replies = captioner(llava_model).ask([Question(prompt, images) for prompt, images in asked])
    assert len({reply.text for reply in replies}) == len(asked)


def test_a_row_says_the_same_whoever_its_neighbours_are(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    questions = [Question(prompt, (image,)) for prompt, image in zip(PROMPTS, pictures, strict=False)]
    for params in ({"max_new_tokens": 6}, {"max_new_tokens": 4, "temperature": 0.8, "top_p": 0.9, "seed": 3}):
        model = captioner(llava_model, **params)
        together = model.ask(questions)
        assert together == [model.ask([question])[0] for question in questions]
        assert together == captioner(llava_model, **params).ask(questions)


def test_a_seed_draws_others(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    question = Question("what?", (pictures[0],))
    said = {
        captioner(llava_model, temperature=1.5, seed=seed, max_new_tokens=4).ask([question])[0].text
        for seed in range(3)
    }
    assert len(said) > 1


def test_images_that_do_not_decode_fail_alone(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    asked = [(pictures[0],), (b"no image",), (pictures[1], b"no image"), (pictures[2][:200],), (pictures[3],)]
    replies = captioner(llava_model).ask([Question("what?", images) for images in asked])
    assert [(reply.error or "").partition(":")[0] for reply in replies] == [
        "", "not_an_image", "not_an_image", "unreadable", ""
    ]  # fmt: skip
    alone = captioner(llava_model).ask([Question("what?", asked[0])])
    assert replies[0] == alone[0]
    assert captioner(llava_model).ask([Question("what?", asked[1])])[0].error == replies[1].error


def test_tokens_are_counted(llava_model: LoadedModel, pictures: list[bytes]) -> None:
    model = captioner(llava_model, max_new_tokens=5)
    model.ask([Question("what?", (pictures[0],)), Question("w", (pictures[0],))])
    spending = model.spending
    assert spending.tokens_in > 2 * 4, "four of each image's patches, and the words"
    assert 5 <= spending.tokens_out <= 10 and spending.truncated <= 2
    assert spending.totals(Params())["money"] == 0


def test_no_network(copy: Path, llava_model: LoadedModel, pictures: list[bytes], monkeypatch: Any) -> None:
    asked: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        asked.append(where)  # a library may catch what is raised here, and go on without
        raise OSError("there is no network")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert at(copy, llava_model).ask([Question("what?", (pictures[0],))])[0].text
    assert asked == [], "somebody asked the network"


def test_weights_that_are_not_all_there(copy: Path, llava_model: LoadedModel) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    weights.pop(next(name for name in weights if "projector" in name))
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"are not all there: .*projector"):
        at(copy, llava_model)


def test_a_pickle_is_not_loaded(copy: Path, llava_model: LoadedModel) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"cannot load the model in .*safetensors"):
        at(copy, llava_model)


def test_a_model_that_nobody_can_talk_to(copy: Path, llava_model: LoadedModel) -> None:
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="has no chat template"):
        at(copy, llava_model)


def test_a_directory_of_something_else(copy: Path, llava_model: LoadedModel, transformers_model: LoadedModel) -> None:
    assert transformers_model.path is not None
    with pytest.raises(UsageError, match=r"cannot load|has no chat template"):
        at(transformers_model.path, llava_model)
    (copy / "config.json").write_text(json.dumps({"model_type": "nothing_known"}))
    with pytest.raises(UsageError, match="cannot load"):
        at(copy, llava_model)
    (copy / "empty").mkdir()
    with pytest.raises(NotFound, match=r"there is no config\.json"):
        at(copy / "empty", llava_model)


def test_a_missing_library_names_its_extra(llava_model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra) as caught:
        captioner(llava_model)
    assert caught.value.extra == "mllm"
