"""Decoding a video within limits: its pictures, and what it promised of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mmreg.errors import MissingExtra

if TYPE_CHECKING:
    from av import VideoFrame

MOST_DECODED, MOST_DECODED_PIXELS = 1_000_000, 10**12
"""Frames of one video, and their pixels, that are decoded: nine hours at 30 a second, and four of them in
1920 x 1080."""
_NOTHING_ELSE = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi",
    "protocol_whitelist": "",
    "max_streams": "64",
}
"""Containers that are let in. FFmpeg knows playlists and scripts as well, which make it open files and addresses."""
_SECOND = 1_000_000
"""FFmpeg's own clock."""


class Unusable(Exception):
    """A video without pictures; ``str()`` is '<code>: <detail>'.

    Codes: ``null_value``, ``no_video``, ``pixel_limit``, ``frame_limit``, ``unreadable``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


def library(what: str) -> Any:
    """PyAV, which ``what`` needs. Raises `MissingExtra`."""
    try:
        import av
    except ImportError as error:
        raise MissingExtra(what, extra="video") from error
    return av


class Film:
    """The first stream of pictures of an open video, and what was met on the way through it.

    ``promised`` frames and ``seconds`` (of all streams) are told by the container, 0 where it does not. ``packets``,
    ``damaged`` (pictures of which parts were made up) and ``end`` (seconds, of all streams) count what came.
    """

    def __init__(self, container: Any, stream: Any, max_pixels: int, most_frames: int, most_pixels: int) -> None:
        self._container, self._stream = container, stream
        self._max_pixels, self._most_frames, self._most_pixels = max_pixels, most_frames, most_pixels
        self.promised: int = stream.frames or 0
        self.seconds: float = (container.duration or 0) / _SECOND
        self.packets = self.damaged = 0
        self.end = 0.0

    def frames(self) -> Iterator[VideoFrame]:
        """Every picture with its time. Raises `Unusable` where a limit is passed or none can be decoded."""
        decoded = pixels = 0
        for packet in self._container.demux():
            self._note(packet)
            if packet.stream is not self._stream:
                continue
            for frame in packet.decode():
                _check_size(frame.width, frame.height, self._max_pixels)
                decoded += 1
                pixels += frame.width * frame.height
                if decoded > self._most_frames or pixels > self._most_pixels:
                    raise Unusable("frame_limit", f"{decoded:,} frames with {pixels:,} pixels were decoded")
                if frame.time is None:
                    raise Unusable("unreadable", "its frames have no times")
                self.damaged += frame.is_corrupt
                yield frame
        if not decoded:
            raise Unusable("unreadable", "no frame can be decoded")

    def _note(self, packet: Any) -> None:
        if packet.size and packet.pts is not None:
            self.end = max(self.end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.size and packet.stream is self._stream:
            self.packets += 1


@contextmanager
def opened(
    av: Any,
    data: bytes | None,
    max_pixels: int,
    most_frames: int = MOST_DECODED,
    most_pixels: int = MOST_DECODED_PIXELS,
) -> Iterator[Film]:
    """A video open for decoding: pictures of ``max_pixels`` each, ``most_frames`` and ``most_pixels`` of them in all.

    Raises `Unusable`, also for what FFmpeg raises within the block.
    """
    if data is None:
        raise Unusable("null_value", "there is no video")
    try:
        with av.open(io.BytesIO(data), "r", options=_NOTHING_ELSE) as container:
            if not container.streams.video:
                raise Unusable("no_video", "there is no stream of images in it")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise Unusable("unreadable", "its pictures are in a format that nobody here knows")
            _check_size(stream.width, stream.height, max_pixels)
            # Pictures of a film may grow on the way: the decoder itself is to refuse them.
            stream.codec_context.options = {"max_pixels": str(max_pixels)}
            yield Film(container, stream, max_pixels, most_frames, most_pixels)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Unusable("unreadable", _words(error)) from error


def _check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise `Unusable` for a picture of too many pixels."""
    if width * height > max_pixels:
        raise Unusable("pixel_limit", f"{width} x {height} = {width * height:,} pixels, the limit is {max_pixels:,}")


def _words(error: Exception) -> str:
    # FFmpeg's errors begin with a number and end with the name of a stream that only this process knows.
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
