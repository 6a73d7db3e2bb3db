"""video_decodes: videos are whole films."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.decodes import Decodes
from mmreg.validators.media.film_look import FilmLook, Films
from mmreg.validators.table import Table


class VideoDecodes(Decodes[FilmLook]):
    """The pictures of every video decode to the last one; null is not examined.

    MP4, WEBM, Matroska and AVI. One that has fewer frames than its container promises, that ends earlier or of which
    parts of a picture are missing fails, as does one that passes the limits of `mmreg.validators.media.films`. Sound
    is not decoded.
    """

    extra = "video"
    failing = "videos do not decode"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        super().__init__(spec, table, "video", table.shared(Films))
