"""The pass ``video_frames``: still images of a video, one row each, in a root of their own.

| output | type | |
|---|---|---|
| image | image | a frame as JPEG or PNG, in the lake |
| time_s | float64 | seconds from the video's first frame |
| index | int32 | 0 for the first that was taken |

Taken is the first frame, and then always the first one that is at least ``every_s`` seconds later than the last
multiple of it, until there are ``max_frames``. A video that does not open, or breaks while it is decoded, is an error
row and gives no frames.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from mmreg.curation.decode import MAX_PIXELS, check_limit
from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.declaration import Limits
from mmreg.sources.media import Cell, media_array, media_cell
from mmreg.validators.media.films import Unusable, library, opened

if TYPE_CHECKING:
    from av import VideoFrame

_QUALITY = 90
_CLOSE = 1e-6
"""Seconds: 3 * 0.1 is more than 0.3 to a processor."""
_OPTIONS: dict[str, dict[str, Any]] = {"jpeg": {"quality": _QUALITY}, "png": {}}


@dataclass(frozen=True)
class Params:
    """``every_s``: seconds between frames, 0 for every frame. ``max_frames``: as many as are taken of one video."""

    every_s: float = 1.0
    max_frames: int = 64
    format: str = "jpeg"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        check_limit(self.max_pixels)
        if not self.every_s >= 0:
            raise UsageError(f"'every_s' is {self.every_s}; it must be 0 or more", hint="every_s: 1.0")
        if self.max_frames < 1:
            raise UsageError(f"'max_frames' is {self.max_frames}; it must be 1 or more", hint="max_frames: 64")
        if self.format not in _OPTIONS:
            raise UsageError(f"'format' is {self.format!r}; it must be jpeg or png", hint="format: jpeg")


class VideoFrames:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "map"
    makes_rows: ClassVar[bool] = True
    scope: ClassVar[Scope] = "row"
    batch_rows: ClassVar[int] = 4  # videos: each may give some dozen images
    role: ClassVar[Role] = "extractor"
    inputs: ClassVar[Mapping[str, InputType]] = {"video": "video"}

    def __init__(self, recipe: Recipe) -> None:
        self._params = read_params("video_frames", Params, recipe.params)

    def outputs(self) -> pa.Schema:
        image = pa.field("image", media_type("image"), metadata={b"mmreg.type": b"image"})
        return pa.schema([image, pa.field("time_s", pa.float64()), pa.field("index", pa.int32())])

    def open(self) -> None:
        self._av = library("video_frames")

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        rows: list[int] = []
        cells: list[Cell | None] = []
        times: list[float | None] = []
        indexes: list[int | None] = []
        errors: list[str | None] = []
        for row, data in enumerate(pc.struct_field(batch.column("video"), "bytes")):
            try:
                taken: list[tuple[Cell | None, float | None]] = list(self._frames(data.as_py()))
                error = None
            except Unusable as reason:
                taken, error = [(None, None)], str(reason)
            for index, (cell, time_s) in enumerate(taken):
                rows.append(row)
                cells.append(cell)
                times.append(time_s)
                indexes.append(index if error is None else None)
                errors.append(error)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(rows, pa.int32()),
                media_array(cells, "image"),
                pa.array(times, pa.float64()),
                pa.array(indexes, pa.int32()),
                pa.array(errors, pa.string()),
            ],
            names=["_row", "image", "time_s", "index", "error"],
        )

    def _frames(self, data: bytes | None) -> Iterator[tuple[Cell, float]]:
        """Cells with their times in seconds. Raises `Unusable`."""
        with opened(self._av, data, self._params.max_pixels) as film:
            for frame, time_s in self._taken(film.frames()):
                yield self._cell(frame), time_s

    def _taken(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
        start, due, number = None, 0.0, 0
        for frame in frames:
            assert frame.time is not None
            start = frame.time if start is None else start
            time_s = frame.time - start
            if time_s < due - _CLOSE:
                continue
            yield frame, time_s
            number += 1
            if number == self._params.max_frames:
                return
            if self._params.every_s:
                due = (math.floor((time_s + _CLOSE) / self._params.every_s) + 1) * self._params.every_s

    def _cell(self, frame: VideoFrame) -> Cell:
        buffer = io.BytesIO()
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
        image.save(buffer, self._params.format.upper(), **_OPTIONS[self._params.format])
        return media_cell(buffer.getvalue(), "image", Limits(max_pixels=self._params.max_pixels), inline=True)
