"""Everything about one checkpoint: what `mmreg model show` answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmreg.schemas.model import Checkpoint
from mmreg.schemas.training import TrainedOn


@dataclass(frozen=True)
class Made:
    """A training that made the checkpoint. ``cost`` has what is known of `mmreg.schemas.training.COST`."""

    run: str
    name: str
    ended_at: str
    data: tuple[TrainedOn, ...]
    seed: int | None = None
    samples_seen: int | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated:
    """An evaluation of the checkpoint on the version ``ref``; ``evaluator`` is who judged, where that was said."""

    run: str
    ref: str
    ended_at: str
    metrics: Mapping[str, float]
    split: str | None = None
    seed: int | None = None
    evaluator: str | None = None


@dataclass(frozen=True)
class ModelDetail(Checkpoint):
    """A checkpoint with its ``aliases``, and the trainings and evaluations of it, the newest first."""

    aliases: tuple[str, ...] = ()
    trainings: tuple[Made, ...] = ()
    evaluations: tuple[Evaluated, ...] = ()
