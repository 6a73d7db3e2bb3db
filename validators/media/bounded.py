"""What audio_duration, video_duration and video_frames have in common: a measured number between two bounds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pydantic import model_validator

from mmreg.schemas.arrow import MediaKind
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import Number, check_bounds, parse_arguments
from mmreg.validators.media.looks import Looks
from mmreg.validators.media.measured import Look, Measured, media_column
from mmreg.validators.media.spread import Spread
from mmreg.validators.table import Table

DURATIONS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 36000.0)
"""Seconds; where the spread of durations is counted."""


class Arguments(Declared):
    column: str
    min_value: Number | None = None
    max_value: Number | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Arguments:
        check_bounds(self.min_value, self.max_value)
        return self


class Bounded(Measured[Look]):
    """A check that a number is within bounds, both included."""

    unit: ClassVar[str]

    def __init__(
        self, spec: CheckSpec, table: Table, kind: MediaKind, looks: Looks[Look], edges: Sequence[float]
    ) -> None:
        self._bounds = parse_arguments(spec, Arguments)
        column = media_column(spec.check, table, self._bounds.column, kind)
        super().__init__(spec, column, looks, Spread(self.unit, edges))

    @abstractmethod
    def _measure(self, look: Look) -> float: ...

    def _judge(self, look: Look) -> str | None:
        number, low, high = self._measure(look), self._bounds.min_value, self._bounds.max_value
        if low is not None and number < low:
            return f"below {low:g} {self.unit}"
        if high is not None and number > high:
            return f"above {high:g} {self.unit}"
        return None

    def _shown(self, look: Look) -> str:
        return f"{self._measure(look):.6g} {self.unit}"
