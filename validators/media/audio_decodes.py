"""audio_decodes: sounds are whole."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.decodes import Decodes
from mmreg.validators.media.sound_look import SoundLook, Sounds
from mmreg.validators.table import Table


class AudioDecodes(Decodes[SoundLook]):
    """Every sound decodes to its last sample; null is not examined.

    WAV, FLAC, OGG (Vorbis, Opus) and MP3. One that is shorter than its header says fails, and one that is no sound,
    has samples that are no numbers or passes the limit of `mmreg.validators.media.sound_look`.
    """

    extra = "audio"
    failing = "sounds do not decode"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        super().__init__(spec, table, "audio", table.shared(Sounds))
