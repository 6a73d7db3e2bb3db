"""Passes to measure with: two that cost next to nothing, so that what is around a pass shows, and a real metric."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.schemas.cells import child, values


class TextLength:
    """Characters of a text, vectorised."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"text": "text"}

    def __init__(self, recipe: Recipe) -> None:
        self._add = int(recipe.params.get("add", 0))

    def outputs(self) -> pa.Schema:
        return pa.schema([("n_chars", pa.int32())])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts: Any = batch.column("text")
        length: Any = pc.add(pc.utf8_length(texts), pa.scalar(self._add, pa.int32()))
        return pa.RecordBatch.from_arrays([length], schema=self.outputs())


class MediaLength:
    """Bytes of an image, by the bytes themselves."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image"}

    def __init__(self, recipe: Recipe) -> None:
        pass

    def outputs(self) -> pa.Schema:
        return pa.schema([("n_bytes", pa.int64())])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        media: Any = child(batch.column("image"), "bytes")
        length: Any = pc.binary_length(media)
        return pa.RecordBatch.from_arrays([length], schema=self.outputs())


class Brightness:
    """The mean of a picture's grey values, by Pillow: about what the cheapest honest metric costs."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image"}

    def __init__(self, recipe: Recipe) -> None:
        pass

    def outputs(self) -> pa.Schema:
        return pa.schema([("brightness", pa.float32())])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        means = [_brightness(data) for data in values(child(batch.column("image"), "bytes"))]
        return pa.RecordBatch.from_arrays([pa.array(means, pa.float32())], schema=self.outputs())


def _brightness(data: bytes) -> float:
    with Image.open(io.BytesIO(data)) as image:
        return float(np.asarray(image.convert("L")).mean())
