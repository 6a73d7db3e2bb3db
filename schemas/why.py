"""Why a sample is in a version, or is not: what selection runs decided about it, and by which condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Decision:
    """What the run that made ``version`` decided about the sample.

    ``reason`` is the condition that dropped it, None where it was kept. ``because`` says the same of this very sample,
    with the cells of that time, which ``values`` has: of the columns that the condition or, for a kept sample, the
    whole selection goes by. ``split`` is the split that it fell into.
    """

    version: str
    run: str
    at: str
    kept: bool
    because: str
    reason: str | None = None
    split: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Why:
    """The answer about one sample and one version.

    ``answer`` is one sentence. ``decisions`` lead from the version upstream through the selections that it was taken
    from; where the sample was dropped, the last one did it. ``history`` has earlier versions of the same dataset, the
    newest first, wherever the decision was another one than in the version after it.
    """

    ref: str
    sample_id: str
    kept: bool
    answer: str
    decisions: tuple[Decision, ...] = ()
    history: tuple[Decision, ...] = ()
