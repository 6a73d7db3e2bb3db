"""The pass ``embed``: vectors of images or of texts, by a model that puts both into one space.

One of the inputs ``image`` and ``text`` is mapped; ``embedding`` is a fixed-size list of float32 with norm 1,
as long as the model's configuration says. An image that does not decode and a blank text are error rows.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from mmreg.curation import decode
from mmreg.curation.encoder import Encoder, embedding_dimension, open_encoder
from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, LoadedModel, Recipe, Role, Scope
from mmreg.errors import UsageError
from mmreg.validators.media.pictures import strict


@dataclass(frozen=True)
class Params:
    """``max_pixels``: an image with more is an error row. ``allow_pickle``: read weights from a pickle too."""

    max_pixels: int = decode.MAX_PIXELS
    allow_pickle: bool = False

    def __post_init__(self) -> None:
        decode.check_limit(self.max_pixels)


@dataclass(frozen=True)
class Vectors:
    """A column in a model's space: ``rows`` has shape (n, dimension), zeros where ``errors`` has a reason."""

    rows: NDArray[np.float32]
    errors: list[str | None]


class Embed:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "extract"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "extractor"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image", "text": "text"}

    def __init__(self, recipe: Recipe) -> None:
        self._params = read_params("embed", Params, recipe.params)
        self._model = needed_model("embed", recipe)
        self._dimension = embedding_dimension(self._model)
        if len(recipe.columns) != 1:
            raise UsageError(
                "embed reads either an image or a text",
                hint="inputs: {image: COLUMN} or inputs: {text: COLUMN}",
            )
        [self._input] = recipe.columns

    def outputs(self) -> pa.Schema:
        return pa.schema({"embedding": pa.list_(pa.float32(), self._dimension)})

    def open(self) -> None:
        self._encoder = open_encoder(self._model, allow_pickle=self._params.allow_pickle)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        column = batch.column(self._input)
        if self._input == "image":
            vectors = image_vectors(self._encoder, self._dimension, column, self._params.max_pixels)
        else:
            vectors = text_vectors(self._encoder, self._dimension, column)
        errors = pa.array(vectors.errors, pa.string())
        embedding = pa.FixedSizeListArray.from_arrays(
            pa.array(vectors.rows.ravel()), type=self.outputs().field(0).type, mask=errors.is_valid()
        )
        return pa.record_batch({"embedding": embedding, "error": errors})


def needed_model(use: str, recipe: Recipe) -> LoadedModel:
    """The recipe's model; raises `UsageError` where none is declared."""
    if recipe.model is None:
        raise UsageError(f"{use} needs a model", hint="model: NAME, of one declared under models: or trained")
    return recipe.model


def image_vectors(encoder: Encoder, dimension: int, cells: pa.Array[Any], max_pixels: int) -> Vectors:
    """Embed a column of media cells. Decoding runs ahead in threads, by a few images."""
    errors: list[str | None] = []

    def good() -> Iterator[Image.Image]:
        for image in _decoded(pc.struct_field(cells, "bytes"), max_pixels):
            errors.append(image if isinstance(image, str) else None)
            if not isinstance(image, str):
                yield image

    with strict():
        return _spread(encoder.embed_images(good()), dimension, errors)


def text_vectors(encoder: Encoder, dimension: int, cells: pa.Array[Any]) -> Vectors:
    """Embed a column of texts."""
    texts: list[str | None] = cells.to_pylist()
    errors = [_fault(text) for text in texts]
    good = [text for text in texts if text and _fault(text) is None]
    return _spread(encoder.embed_texts(good), dimension, errors)


def _fault(text: str | None) -> str | None:
    if text is None:
        return "null_value: there is no text"
    return None if text.strip() else "empty_text: there is nothing but white space"


def _decoded(cells: Iterable[pa.Scalar[Any]], max_pixels: int) -> Iterator[Image.Image | str]:
    """Each cell's image, or the reason why it has none, in order."""
    threads = os.cpu_count() or 1
    ahead: deque[Future[Image.Image | str]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for cell in cells:
            ahead.append(pool.submit(_image_or_reason, cell.as_py(), max_pixels))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _image_or_reason(data: bytes | None, max_pixels: int) -> Image.Image | str:
    try:
        return decode.rgb(data, max_pixels)
    except decode.Undecodable as reason:
        return str(reason)


def _spread(vectors: NDArray[np.float32], dimension: int, errors: list[str | None]) -> Vectors:
    rows = np.zeros((len(errors), dimension), np.float32)
    if len(vectors):
        rows[[error is None for error in errors]] = vectors
    return Vectors(rows, errors)
