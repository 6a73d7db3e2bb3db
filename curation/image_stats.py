"""The pass ``image_stats``: what one decode of an image tells.

| output | type | |
|---|---|---|
| width, height | int32 | pixels, as stored |
| mode | string | Pillow's name of the pixels: L, RGB, RGBA, P, ... |
| file_size | int64 | bytes |
| brightness | float32 | mean of grey, 0 (black) to 1 (white) |
| contrast | float32 | standard deviation of grey, 0 to 0.5 |
| entropy | float32 | of the grey histogram, 0 to 8 bits |
| blur | float32 | variance of the Laplacian of grey: low is blurred or empty |
| phash | uint64 | see `mmreg.validators.media.perceptual_hash` |

All are of the grey image at full size. What grey is says `mmreg.validators.media.decode`, what the Laplacian is
`mmreg.validators.media.blur`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.validators.media import decode
from mmreg.validators.media.blur import fastest_laplacian, variance
from mmreg.validators.media.decode import Undecodable
from mmreg.validators.media.perceptual_hash import phash
from mmreg.validators.media.pictures import strict

_OUTPUTS: dict[str, pa.DataType] = {
    "width": pa.int32(),
    "height": pa.int32(),
    "mode": pa.string(),
    "file_size": pa.int64(),
    "brightness": pa.float32(),
    "contrast": pa.float32(),
    "entropy": pa.float32(),
    "blur": pa.float32(),
    "phash": pa.uint64(),
}
_CHUNK = 16
"""Images that a thread takes at a time: one alone costs less than handing it over."""


@dataclass(frozen=True)
class Params:
    """``max_pixels``: an image that has more, by its header, is an error row and is not decoded."""

    max_pixels: int = decode.MAX_PIXELS

    def __post_init__(self) -> None:
        decode.check_limit(self.max_pixels)


class ImageStats:
    """Images in threads (decoding lets other threads run); one error row for each that is not whole."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image"}
    allow: ClassVar[Collection[str]] = ("constant",)

    def __init__(self, recipe: Recipe) -> None:
        self._params = read_params("image_stats", Params, recipe.params)

    def outputs(self) -> pa.Schema:
        return pa.schema(_OUTPUTS)

    def open(self) -> None:
        self._decode = decode.fastest()
        self._laplacian = fastest_laplacian()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        cells = pc.struct_field(batch.column("image"), "bytes")
        chunks = [cells.slice(start, _CHUNK) for start in range(0, len(cells), _CHUNK)]
        with strict(), ThreadPoolExecutor(os.cpu_count()) as threads:
            rows = [row for chunk in threads.map(self._chunk, chunks) for row in chunk]
        return pa.RecordBatch.from_pylist(rows, pa.schema({**_OUTPUTS, "error": pa.string()}))

    def _chunk(self, cells: Iterable[pa.LargeBinaryScalar]) -> list[dict[str, Any]]:
        return [self._row(cell.as_py()) for cell in cells]

    def _row(self, data: bytes | None) -> dict[str, Any]:
        try:
            picture = self._decode(data, self._params.max_pixels)
        except Undecodable as reason:
            return {"error": str(reason)}
        return {
            "width": picture.width,
            "height": picture.height,
            "mode": picture.mode,
            "file_size": len(data or b""),
            **_histogram_stats(picture.grey),
            "blur": variance(picture.grey, self._laplacian),
            "phash": phash(picture.grey),
        }


def _histogram_stats(grey: NDArray[np.uint8]) -> dict[str, float]:
    shares = np.array(Image.fromarray(grey).histogram()) / grey.size
    levels = np.arange(256) / 255
    mean = float(shares @ levels)
    seen = shares[shares > 0]
    return {
        "brightness": mean,
        "contrast": float(np.sqrt(shares @ (levels - mean) ** 2)),
        "entropy": float(abs(seen @ np.log2(seen))),
    }
