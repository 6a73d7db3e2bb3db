"""Image-text-to-text models of transformers as `Captioner`: a directory as ``save_pretrained`` leaves it."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from mmreg.curation import decode
from mmreg.curation.captioner import Params, Question, Reply, Spending
from mmreg.curation.encoder_transformers import no_progress_bar
from mmreg.errors import MissingExtra, MmregError, NotFound, UsageError
from mmreg.validators.media.pictures import strict


class TransformersCaptioner:
    """On the GPU where there is one. Prompts go through the model's own chat template, images through its processor."""

    def __init__(self, folder: Path, params: Params) -> None:
        try:
            import torch

            transformers: Any = importlib.import_module("transformers")  # its hints do not say what it returns
        except ImportError as error:
            raise MissingExtra("a transformers model", extra="mllm") from error
        self._params = params
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._processor = _processor(transformers, folder)
        self._model = _model(transformers, folder).to(self._device).eval()
        self._pad = self._processor.tokenizer.pad_token_id
        self.spending = Spending()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        replies: list[Reply | None] = []
        asked: list[tuple[Question, list[Image.Image]]] = []
        for question in questions:
            try:
                with strict():
                    asked.append((question, [decode.rgb(image, self._params.max_pixels) for image in question.images]))
                replies.append(None)
            except decode.Undecodable as reason:
                replies.append(Reply(error=str(reason)))
        answers = iter(self._answers(asked))
        return [reply or next(answers) for reply in replies]

    def _answers(self, asked: list[tuple[Question, list[Image.Image]]]) -> list[Reply]:
        if not asked:
            return []
        if self._params.temperature == 0:
            return self._generate([(question.prompt, images) for question, images in asked])
        # One by one: what is drawn for a row must not depend on who its neighbours are.
        return [
            self._generate([(question.prompt, images)], _seed(self._params.seed, question))[0]
            for question, images in asked
        ]

    def _generate(self, asked: list[tuple[str, list[Image.Image]]], seed: int | None = None) -> list[Reply]:
        import torch

        inputs = self._processor.apply_chat_template(
            [_conversation(prompt, images) for prompt, images in asked],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(self._device, self._model.dtype)
        drawing: dict[str, Any] = {"do_sample": False}
        if seed is not None:
            torch.manual_seed(seed)
            drawing = {"do_sample": True, "temperature": self._params.temperature, "top_p": self._params.top_p}
        with torch.inference_mode():
            made = self._model.generate(
                **inputs, max_new_tokens=self._params.max_new_tokens, pad_token_id=self._pad, **drawing
            )
        if not self._model.config.is_encoder_decoder:
            made = made[:, inputs["input_ids"].shape[1] :]
        self.spending.tokens_in += int(inputs["attention_mask"].sum())
        return [self._reply(tokens) for tokens in made.tolist()]

    def _reply(self, tokens: list[int]) -> Reply:
        ends = _ends(self._model.generation_config)
        ended = next((place for place, token in enumerate(tokens) if token in ends), None)
        self.spending.tokens_out += len(tokens) if ended is None else ended + 1
        self.spending.truncated += ended is None
        text = self._processor.tokenizer.decode(tokens[:ended], skip_special_tokens=True).strip()
        return Reply(text=text) if text else Reply(error="empty_answer: the model said nothing")


def _processor(transformers: Any, folder: Path) -> Any:
    try:
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the libraries raise whatever their loading meets
        raise _unloadable(folder, "processor", error) from error
    if getattr(processor, "tokenizer", None) is None or not getattr(processor, "chat_template", None):
        raise UsageError(
            f"{folder} has no chat template, so nobody knows how this model is asked",
            hint="put its chat_template.jinja beside the weights",
        )
    processor.tokenizer.padding_side = "left"  # a generated word continues the row, not its padding
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def _model(transformers: Any, folder: Path) -> Any:
    try:
        with no_progress_bar(transformers.logging):
            model, loading = transformers.AutoModelForImageTextToText.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype="auto",
                output_loading_info=True,
            )
    except Exception as error:  # as above
        raise _unloadable(folder, "model", error) from error
    if loading["missing_keys"]:  # transformers makes up random ones and goes on
        missing = ", ".join(sorted(loading["missing_keys"])[:3])
        raise UsageError(f"the weights in {folder} are not all there: {missing}, ...", hint="save the model again")
    return model


def _unloadable(folder: Path, what: str, error: Exception) -> MmregError:
    if not (folder / "config.json").is_file():
        return NotFound(f"there is no config.json in {folder}", hint="the folder that save_pretrained wrote")
    said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    return UsageError(f"transformers cannot load the {what} in {folder}: {said}", hint=f"ls {folder}")


def _conversation(prompt: str, images: list[Image.Image]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": prompt}]}]


def _ends(config: Any) -> set[int]:
    ends = config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


def _seed(seed: int, question: Question) -> int:
    """A seed of the row's own, from all that it asks."""
    digest = hashlib.blake2b(f"{seed}\0{question.prompt}".encode(), digest_size=7)
    for image in question.images:
        digest.update(hashlib.blake2b(image).digest())
    return int.from_bytes(digest.digest(), "big")
