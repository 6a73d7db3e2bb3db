"""One interface to models that put images and texts into one space, whoever made them.

Two formats are read, each from its own directory and never from the network:

- open_clip: ``open_clip_config.json``, ``open_clip_model.safetensors`` (what open_clip calls ``local-dir:``)
- transformers CLIP: ``config.json`` of ``model_type`` clip, ``model.safetensors``, tokenizer, image processor

Weights in pickles (.bin, .pt, .pth) are refused, as loading a pickle may run code; with ``allow_pickle`` they
are read by torch's restricted unpickler.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MmregError, NotFound, UsageError

if TYPE_CHECKING:
    from PIL import Image


class Encoder(Protocol):
    """A model in memory, on the GPU where there is one. Each row that it answers with has norm 1."""

    def embed_images(self, images: Iterable[Image.Image]) -> NDArray[np.float32]:
        """Embed images of mode RGB, shape (n, dimension). Taken one by one, so few need be in memory."""

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Embed texts, shape (n, dimension). What is longer than the model's context is cut off there."""


def open_encoder(model: LoadedModel, *, allow_pickle: bool = False) -> Encoder:
    """Load ``model``.

    Raises `MissingExtra` where its library is absent, `NotFound` where its files are, `UsageError` where they
    are pickles or do not make a model.
    """
    files = _recognise(model)
    pickled = _check_weights(files, allow_pickle)
    try:
        if files.format == "open_clip":
            from mmreg.curation.encoder_open_clip import OpenClipEncoder

            return OpenClipEncoder(files.folder, files.config)
        from mmreg.curation.encoder_transformers import TransformersEncoder

        return TransformersEncoder(files.folder, pickled=pickled)
    except MmregError:
        raise
    except Exception as error:  # the libraries raise whatever their loading meets
        raise files.fault(f"{files.format} cannot load it: {type(error).__name__}: {error}") from error


def embedding_dimension(model: LoadedModel) -> int:
    """The length of the model's embeddings, from its configuration: neither weights nor libraries are loaded."""
    files = _recognise(model)
    if files.format == "open_clip":
        dimension = files.config["model_cfg"].get("embed_dim")
    else:
        dimension = files.config.get("projection_dim", 512)
    if not isinstance(dimension, int) or dimension < 1:
        raise files.fault(f"{_CONFIGS[files.format]} tells no embedding dimension")
    return dimension


Format = Literal["open_clip", "transformers"]
_CONFIGS: dict[Format, str] = {"open_clip": "open_clip_config.json", "transformers": "config.json"}
_WEIGHTS: dict[Format, tuple[str, ...]] = {
    "open_clip": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"),
    "transformers": ("model.safetensors", "model.safetensors.index.json"),
}
_PICKLES = (".bin", ".pt", ".pth")
_HINT = "mmreg model add DIRECTORY NAME, with a configuration and weights in the directory"


@dataclass(frozen=True)
class _Files:
    name: str
    folder: Path
    format: Format
    config: dict[str, Any]

    def fault(self, what: str) -> UsageError:
        return UsageError(f"model {self.name} in {self.folder}: {what}", hint=f"mmreg model show {self.name}")


def _recognise(model: LoadedModel) -> _Files:
    """Which format the model's directory has. Where both configurations are there, its framework decides."""
    name, folder = model.checkpoint.name, model.path
    if folder is None:
        raise UsageError(f"model {name} is behind an address: its weights cannot be opened", hint="mmreg model ls")
    present = [format for format, file in _CONFIGS.items() if (folder / file).is_file()]
    if not present:
        raise NotFound(f"model {name}: there is no {' or '.join(_CONFIGS.values())} in {folder}", hint=_HINT)
    format = next((format for format in present if format == model.checkpoint.framework), present[0])
    try:
        config = json.loads((folder / _CONFIGS[format]).read_bytes())
    except (ValueError, RecursionError) as error:
        config = error
    files = _Files(name, folder, format, config)
    if not isinstance(config, dict):
        raise files.fault(f"{_CONFIGS[format]} is no JSON object")
    if format == "open_clip" and not isinstance(config.get("model_cfg"), dict):
        raise files.fault(f"{_CONFIGS[format]} has no 'model_cfg'")
    if format == "transformers" and config.get("model_type") != "clip":
        raise files.fault(f"{_CONFIGS[format]} has the model_type {config.get('model_type')!r}; only 'clip' is read")
    return files


def _check_weights(files: _Files, allow_pickle: bool) -> bool:
    """Whether the weights are a pickle; refuses one that is not allowed."""
    if any((files.folder / name).is_file() for name in _WEIGHTS[files.format]):
        return False
    pickles = sorted(file.name for file in files.folder.iterdir() if file.suffix in _PICKLES)
    if not pickles:
        raise NotFound(f"model {files.name}: there is no {_WEIGHTS[files.format][0]} in {files.folder}", hint=_HINT)
    if not allow_pickle:
        raise UsageError(
            f"model {files.name}: {pickles[0]} is a pickle, and loading a pickle may run code",
            hint="save the weights as .safetensors, or where you trust their maker: params: {allow_pickle: true}",
        )
    return True
