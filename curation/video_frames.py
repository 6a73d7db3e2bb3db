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
from mmreg.errors import MissingExtra, UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.declaration import Limits
from mmreg.sources.media import Cell, media_array, media_cell

if TYPE_CHECKING:
    from av import VideoFrame

MOST_DECODED, MOST_DECODED_PIXELS = 1_000_000, 10**12
"""Frames of one video, and their pixels, that are decoded to take some of them: nine hours at 30 a second, and four
of them in 1920 x 1080."""
_NOTHING_ELSE = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi",
    "protocol_whitelist": "",
    "max_streams": "64",
}
"""Containers that are let in. FFmpeg knows playlists and scripts as well, which make it open files and addresses."""
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
        try:
            import av
        except ImportError as error:
            raise MissingExtra("video_frames", extra="video") from error
        self._av = av

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
            except _Unusable as reason:
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
        """Cells with their times in seconds. Raises `_Unusable`."""
        if data is None:
            raise _Unusable("null_value: there is no video")
        try:
            with self._av.open(io.BytesIO(data), "r", options=_NOTHING_ELSE) as container:
                if not container.streams.video:
                    raise _Unusable("no_video: there is no stream of images in it")
                stream = container.streams.video[0]
                if stream.codec_context is None:
                    raise _Unusable("unreadable: its pictures are in a format that nobody here knows")
                self._check_size(stream.width, stream.height)
                # Pictures of a film may grow on the way: the decoder itself is to refuse them.
                stream.codec_context.options = {"max_pixels": str(self._params.max_pixels)}
                empty = True
                for frame, time_s in self._taken(container.decode(stream)):
                    yield self._cell(frame), time_s
                    empty = False
                if empty:
                    raise _Unusable("unreadable: no frame can be decoded")
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise _Unusable(f"unreadable: {_words(error)}") from error

    def _taken(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
        start, due, number, pixels = None, 0.0, 0, 0
        for decoded, frame in enumerate(frames, 1):
            self._check_size(frame.width, frame.height)
            pixels += frame.width * frame.height
            if decoded > MOST_DECODED or pixels > MOST_DECODED_PIXELS:
                raise _Unusable(f"frame_limit: {decoded:,} frames were decoded to take {number:,}")
            if frame.time is None:
                raise _Unusable("unreadable: its frames have no times")
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

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._params.max_pixels:
            raise _Unusable(
                f"pixel_limit: {width} x {height} = {width * height:,} pixels, the limit is {self._params.max_pixels:,}"
            )

    def _cell(self, frame: VideoFrame) -> Cell:
        buffer = io.BytesIO()
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
        image.save(buffer, self._params.format.upper(), **_OPTIONS[self._params.format])
        return media_cell(buffer.getvalue(), "image", Limits(max_pixels=self._params.max_pixels), inline=True)


class _Unusable(Exception):
    """A video without frames; ``str()`` is the reason for its row, '<code>: <detail>'."""


def _words(error: Exception) -> str:
    # FFmpeg's errors begin with a number and end with the name of a stream that only this process knows.
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
