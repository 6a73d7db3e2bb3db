"""not_silent: there is something to hear."""

from __future__ import annotations

from pydantic import Field

from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import Measured, media_column
from mmreg.validators.media.sound_look import QUIETEST, SoundLook, Sounds
from mmreg.validators.media.spread import Spread
from mmreg.validators.table import Table

_EDGES = tuple(float(level) for level in range(int(QUIETEST), 5, 5))


class Arguments(Declared):
    column: str
    min_value: float | int = Field(-60.0, ge=QUIETEST, le=0)


class NotSilent(Measured[SoundLook]):
    """The level of every sound is above min_value dBFS; null and what does not decode is not examined.

    The level is the root mean square over all samples and channels, where 0 is full scale: a full sine has -3.
    ``min_value`` is -60 where it is absent. Of a sound without any, the level is -120.
    """

    extra = "audio"
    failing = "sounds are silent"
    decoded_by = "audio_decodes"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        column = media_column(spec.check, table, arguments.column, "audio")
        self._least = arguments.min_value
        super().__init__(spec, column, table.shared(Sounds), Spread("dBFS", _EDGES))

    def _judge(self, look: SoundLook) -> str | None:
        return f"silent: not above {self._least:g} dBFS" if look.level <= self._least else None

    def _shown(self, look: SoundLook) -> str:
        return f"{look.level:.1f} dBFS"

    def _measure(self, look: SoundLook) -> float:
        return look.level
