"""video_frames: videos have as many pictures as they should."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.bounded import Bounded
from mmreg.validators.media.film_look import FilmLook, Films
from mmreg.validators.table import Table

_EDGES = (0.0, *(10.0**power * step for power in range(6) for step in (1, 2, 5)), 1e6)


class VideoFrames(Bounded[FilmLook]):
    """Every video has from min_value to max_value frames; null and what does not decode is not examined.

    Counted is what decodes, whatever the header says.
    """

    extra = "video"
    failing = "videos have too few or too many frames"
    decoded_by = "video_decodes"
    unit = "frames"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        super().__init__(spec, table, "video", table.shared(Films), _EDGES)

    def _measure(self, look: FilmLook) -> float:
        return look.frames
