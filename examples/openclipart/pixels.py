"""The example's second pass: each picture once as the 64 x 64 pixels that the trainings look at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageOps

from mmreg.curation.decode import Undecodable, rgb
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.errors import UsageError

SIDE = 64


class Pixels:
    """``pixels`` = the picture on white, fitted into a square: row by row, red green blue, a byte each."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "map"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "extractor"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image"}

    def __init__(self, recipe: Recipe) -> None:
        if recipe.params:
            raise UsageError(f"Pixels takes no params, not {', '.join(recipe.params)}")

    def outputs(self) -> pa.Schema:
        return pa.schema([("pixels", pa.binary(SIDE * SIDE * 3))])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        cells = pc.struct_field(batch.column("image"), "bytes")
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            rows = list(threads.map(lambda cell: _row(cell.as_py()), cells))
        pixels, errors = zip(*rows, strict=True)
        return pa.record_batch(
            [pa.array(pixels, self.outputs().field(0).type), pa.array(errors, pa.string())],
            names=["pixels", "error"],
        )


def _row(data: bytes | None) -> tuple[bytes | None, str | None]:
    try:
        picture = rgb(data)
    except Undecodable as reason:
        return None, str(reason)
    square = ImageOps.pad(picture, (SIDE, SIDE), Image.Resampling.BICUBIC, color="white")
    return square.tobytes(), None
