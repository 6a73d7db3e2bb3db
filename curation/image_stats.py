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
| phash | uint64 | see `mmreg.curation.perceptual_hash` |

All are of the grey image at full size (`mmreg.curation.decode` says what grey is). The Laplacian is the four
neighbours minus four times the pixel, on 0..255, over the pixels that have four neighbours; 0 where none has.
Its sums are exact, so the numbers do not depend on the libraries that are installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from mmreg.curation import decode
from mmreg.curation.decode import Decoder, Undecodable
from mmreg.curation.params import read_params
from mmreg.curation.perceptual_hash import phash
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
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
_STRIP_PIXELS = 1 << 18
"""The Laplacian is taken in strips of about this many pixels, which stay in the processor's cache."""

Squares = Callable[[NDArray[np.uint8]], tuple[float, float, int]]
"""From grey rows: sum of the Laplacian, sum of its squares, how many pixels; the outermost are left out."""


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
        self._decode: Decoder = decode.fastest()
        self._laplacian: Squares = _fastest_laplacian()

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
            "blur": _variance(picture.grey, self._laplacian),
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


def _variance(grey: NDArray[np.uint8], laplacian: Squares) -> float:
    height, width = grey.shape
    if height < 3 or width < 3:
        return 0.0
    rows = max(_STRIP_PIXELS // width, 1)
    strips = [laplacian(grey[top : top + rows + 2]) for top in range(0, height - 2, rows)]
    total, squares, count = (sum(column) for column in zip(*strips, strict=True))
    return float(squares / count - (total / count) ** 2)


def _fastest_laplacian() -> Squares:
    try:
        import cv2
    except ImportError:
        return _laplacian_by_numpy

    def by_cv2(grey: NDArray[np.uint8]) -> tuple[float, float, int]:
        inner = cv2.Laplacian(grey, cv2.CV_16S)[1:-1, 1:-1]
        return cv2.sumElems(inner)[0], cv2.norm(inner, cv2.NORM_L2SQR), inner.size

    return by_cv2


def _laplacian_by_numpy(grey: NDArray[np.uint8]) -> tuple[float, float, int]:
    wide = grey.astype(np.int16)
    inner = wide[:-2, 1:-1] + wide[2:, 1:-1]
    inner += wide[1:-1, :-2]
    inner += wide[1:-1, 2:]
    inner -= wide[1:-1, 1:-1] << 2
    return int(inner.sum(dtype=np.int64)), int(np.square(inner, dtype=np.int32).sum(dtype=np.int64)), inner.size
