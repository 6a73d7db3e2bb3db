"""not_clipped: sounds were not recorded too loud."""

from __future__ import annotations

from pydantic import Field

from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import Measured, media_column
from mmreg.validators.media.sound_look import SoundLook, Sounds
from mmreg.validators.media.spread import Spread
from mmreg.validators.table import Table

_EDGES = (0.0, *(10.0**power for power in range(-7, 1)))


class Arguments(Declared):
    column: str
    max_share: float | int = Field(0.001, ge=0, lt=1)


class NotClipped(Measured[SoundLook]):
    """Of every sound at most max_share of the samples are at full scale; null and what does not decode is not examined.

    ``max_share`` is 0.001 where it is absent: some peaks are no harm. Full scale is the largest number that 16 bits
    have, or 8 bits where the sound has no more; decoded MP3 and OGG may pass it.
    """

    extra = "audio"
    failing = "sounds are clipped"
    decoded_by = "audio_decodes"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        column = media_column(spec.check, table, arguments.column, "audio")
        self._most = arguments.max_share
        super().__init__(spec, column, table.shared(Sounds), Spread("share of samples at full scale", _EDGES))

    def _judge(self, look: SoundLook) -> str | None:
        return f"clipped: more than {self._most:.3%} of its samples" if look.clipped > self._most else None

    def _shown(self, look: SoundLook) -> str:
        return f"{look.clipped:.3%}"

    def _measure(self, look: SoundLook) -> float:
        return look.clipped
