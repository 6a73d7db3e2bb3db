"""video_duration: videos are as long as they should be."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.bounded import DURATIONS, Bounded
from mmreg.validators.media.film_look import FilmLook, Films
from mmreg.validators.table import Table


class VideoDuration(Bounded[FilmLook]):
    """Every video lasts from min_value to max_value seconds; null and what does not decode is not examined.

    Counted is what decodes, whatever the header says.
    """

    extra = "video"
    failing = "videos are too short or too long"
    decoded_by = "video_decodes"
    unit = "seconds"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        super().__init__(spec, table, "video", table.shared(Films), DURATIONS)

    def _measure(self, look: FilmLook) -> float:
        return look.seconds
