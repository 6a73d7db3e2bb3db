"""CLIP models of transformers as `Encoder`: a directory as ``save_pretrained`` leaves it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmreg.curation.batching import in_batches
from mmreg.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    import torch
    from PIL import Image


class TransformersEncoder:
    """Images go through the processor that works on Pillow's images, which needs no torchvision."""

    def __init__(self, folder: Path, *, pickled: bool) -> None:
        try:
            import torch

            transformers: Any = importlib.import_module("transformers")  # its hints do not say what it returns
        except ImportError as error:
            raise MissingExtra("a transformers model", extra="mllm") from error
        with no_progress_bar(transformers.logging):
            model, loading = transformers.CLIPModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=not pickled,
                weights_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        if loading["missing_keys"]:  # transformers makes up random ones and goes on
            missing = ", ".join(sorted(loading["missing_keys"])[:3])
            raise UsageError(f"the weights in {folder} are not all there: {missing}, ...", hint="save the model again")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device).eval()
        self._processor = transformers.CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        self._context = model.config.text_config.max_position_embeddings

    def embed_images(self, images: Iterable[Image.Image]) -> NDArray[np.float32]:
        return in_batches(self._encode_pixels, (self._preprocess(image) for image in images))

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return in_batches(self._encode_texts, texts)

    def _preprocess(self, image: Image.Image) -> torch.Tensor:
        pixels: torch.Tensor = self._processor(images=image, return_tensors="pt")["pixel_values"][0]
        return pixels

    def _encode_pixels(self, pixels: list[torch.Tensor]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            made = self._model.get_image_features(pixel_values=torch.stack(pixels).to(self._device))
            return _normalised(made.pooler_output)

    def _encode_texts(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._context, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            made = self._model.get_text_features(tokens["input_ids"], attention_mask=tokens["attention_mask"])
            return _normalised(made.pooler_output)


def _normalised(vectors: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = (vectors / vectors.norm(dim=-1, keepdim=True)).cpu().numpy()
    return rows


@contextmanager
def no_progress_bar(logging: Any) -> Iterator[None]:
    """Its bar would end up between the lines of whoever shows progress."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
