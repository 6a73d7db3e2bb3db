"""Passes that cost next to nothing, so that what is around a pass shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.schemas.cells import child


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
