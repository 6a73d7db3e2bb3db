"""audio_duration: sounds are as long as they should be."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.bounded import DURATIONS, Bounded
from mmreg.validators.media.sound_look import SoundLook, Sounds
from mmreg.validators.table import Table


class AudioDuration(Bounded[SoundLook]):
    """Every sound lasts from min_value to max_value seconds; null and what does not decode is not examined.

    Counted is what decodes, whatever the header says.
    """

    extra = "audio"
    failing = "sounds are too short or too long"
    decoded_by = "audio_decodes"
    unit = "seconds"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        super().__init__(spec, table, "audio", table.shared(Sounds), DURATIONS)

    def _measure(self, look: SoundLook) -> float:
        return look.seconds
