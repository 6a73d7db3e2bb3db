"""Whether what a model learns from has what it will be judged by, and how it got there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

How = Literal["ancestry", "training", "sample_id", "parent", "media", "text", "hash", "embedding"]


@dataclass(frozen=True)
class Overlap:
    """One way in which the evaluation set is in the training data.

    ``how``: `ancestry`, a version of its dataset is upstream; `training`, a model upstream was trained on its samples;
    `parent`, rows were made from its samples; else by what rows are the same, or near. ``what`` is the column, or the
    training. ``count`` are the rows of the evaluation set that are concerned, ``share`` which share of it; None where
    only the graph was asked. ``way`` leads from the evaluation set to the training data, through what both come from;
    there is none where the graph knows of nothing that joins them. ``examples`` are samples of the evaluation set, each
    as ``{"sample_id", "reason"}``.
    """

    how: How
    what: str
    way: tuple[str, ...]
    count: int | None = None
    share: float | None = None
    examples: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Leak:
    """The answer of ``mmreg lineage leak``; ``ok`` where nothing was found.

    ``train`` and ``evaluation`` are as people name them. ``compared`` says by what rows were compared, and
    ``not_compared`` why they were not by the rest. Row counts are None where rows were not asked for.
    """

    train: str
    evaluation: str
    ok: bool
    train_rows: int | None
    evaluation_rows: int | None
    found: tuple[Overlap, ...]
    compared: tuple[str, ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)
