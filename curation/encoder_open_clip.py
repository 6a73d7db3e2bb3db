"""open_clip models as `Encoder`: a directory with ``open_clip_config.json`` and its weights."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmreg.curation.batching import in_batches
from mmreg.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    import torch
    from PIL import Image


class OpenClipEncoder:
    """``config`` is what ``open_clip_config.json`` says."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        try:
            import torch

            open_clip: Any = importlib.import_module("open_clip")  # it has no type hints
        except ImportError as error:
            raise MissingExtra("an open_clip model", extra="clip") from error
        text: dict[str, Any] = config["model_cfg"].get("text_cfg", {})
        if "hf_model_name" in text:  # open_clip would ask a hub for its configuration
            raise UsageError(
                f"{folder} has its text tower at an address ({text['hf_model_name']}); none is fetched",
                hint="a model whose text tower is open_clip's own",
            )
        tower: dict[str, Any] = config["model_cfg"].get("vision_cfg", {})
        named = str(tower.get("timm_model_name", ""))
        if tower.get("timm_model_pretrained") or ":" in named:  # timm would fetch weights, which may be pickles
            raise UsageError(
                f"{folder} has its vision tower at an address ({named}); none is fetched",
                hint="a model whose weights are all in its folder, with timm_model_pretrained: false",
            )
        local = {"local_files_only": True, "trust_remote_code": False} if text.get("hf_tokenizer_name") else {}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        model, self._preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}", device=self._device)
        self._model = model.eval()
        self._tokenize = open_clip.get_tokenizer(f"local-dir:{folder}", **local)

    def embed_images(self, images: Iterable[Image.Image]) -> NDArray[np.float32]:
        return in_batches(self._encode_pixels, (self._preprocess(image) for image in images))

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return in_batches(self._encode_texts, texts)

    def _encode_pixels(self, pixels: list[torch.Tensor]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return _rows(self._model.encode_image(torch.stack(pixels).to(self._device), normalize=True))

    def _encode_texts(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return _rows(self._model.encode_text(self._tokenize(texts).to(self._device), normalize=True))


def _rows(vectors: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = vectors.float().cpu().numpy()
    return rows
