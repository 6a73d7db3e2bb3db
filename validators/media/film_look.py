"""What one decode of a video tells the checks."""

from __future__ import annotations

from dataclasses import dataclass

from mmreg.validators.media.decode import MAX_PIXELS
from mmreg.validators.media.films import MOST_DECODED, Film, Unusable, library, opened
from mmreg.validators.media.looks import Looks

_SLACK_S = 0.5
"""Seconds that the streams of a whole video may end before the time that its container tells."""


@dataclass(frozen=True, slots=True)
class FilmLook:
    """``defect`` is None, or why the video does not decode to its end: a code and the words for it.

    ``seconds`` are from the first picture's beginning to the last one's end.
    """

    frames: int = 0
    seconds: float = 0.0
    defect: tuple[str, str] | None = None


class Films(Looks[FilmLook]):
    """One decode of each video for all checks of a version: pictures only, of sound just how long it lasts.

    ``most_frames`` are decoded of one video, of ``max_pixels`` each.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS, most_frames: int = MOST_DECODED) -> None:
        super().__init__()
        self._max_pixels, self._most_frames = max_pixels, most_frames
        self._av = library("checks of videos")

    def look(self, data: bytes) -> FilmLook:
        try:
            with opened(self._av, data, self._max_pixels, self._most_frames) as film:
                return _watched(film)
        except Unusable as reason:
            return FilmLook(defect=(reason.code, reason.detail))


def _watched(film: Film) -> FilmLook:
    frames, start, end, length = 0, None, 0.0, 0.0
    for frame in film.frames():
        assert frame.time is not None
        frames += 1
        start = frame.time if start is None else min(start, frame.time)
        # Where a picture does not say how long it stands: as long as the one before.
        known = frame.duration and frame.time_base and float(frame.duration * frame.time_base)
        length = known or (frame.time - end if frames == 2 else length)
        end = max(end, frame.time + length)
    return FilmLook(frames, end - (start or 0.0), _cut(film))


def _cut(film: Film) -> tuple[str, str] | None:
    if film.packets < film.promised:
        return "truncated", f"{film.packets:,} of {film.promised:,} frames are there"
    if film.end < film.seconds - _SLACK_S:
        return "truncated", f"{film.end:.1f} of {film.seconds:.1f} seconds are there"
    if film.damaged:
        return "damaged", f"parts of {film.damaged:,} frames are missing"
    return None
