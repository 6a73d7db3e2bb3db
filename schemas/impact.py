"""What becomes of something downstream: what ``mmreg impact`` answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Touch = Literal["content", "chosen", "trained", "initialised", "registered"]
"""How something is touched.

``content``: values or rows of it come from there. ``chosen``: which rows it has was decided by that. ``trained``,
``initialised``: a model was trained on that, or began from it. ``registered``: it is that, by another run.
"""


@dataclass(frozen=True)
class TouchedVersion:
    """A version that is touched, with a way to it for each ``how``: steps, as people name them.

    ``whole``: all of it, rows and columns; else ``columns`` are the ones with touched content. ``rows`` counts all of
    its rows, ``having`` those that come from the samples that were asked for; None where none were. ``latest``,
    ``promoted`` and ``removed`` (its rows are no longer in the lake) are as of now.
    """

    ref: str
    uuid: str
    ways: Mapping[Touch, tuple[str, ...]]
    rows: int
    whole: bool = False
    columns: tuple[str, ...] = ()
    having: int | None = None
    latest: bool = False
    promoted: bool = False
    removed: bool = False


@dataclass(frozen=True)
class TouchedModel:
    """A checkpoint that is touched, with a way to it for each ``how``. ``aliases`` are the ones that mean it now.

    ``having`` counts the samples that were asked for among those that it was trained on; None where none were, or where
    only what it began from is touched.
    """

    ref: str
    digest: str
    ways: Mapping[Touch, tuple[str, ...]]
    aliases: tuple[str, ...] = ()
    having: int | None = None

    @property
    def name(self) -> str:
        """The model's."""
        return self.ref.removeprefix("model ").rpartition("@")[0]


@dataclass(frozen=True)
class TouchedEvaluation:
    """A run that evaluated a touched model, or on a touched version: its ``metrics`` say less than they seem to."""

    run: str
    models: tuple[str, ...]
    on: tuple[str, ...]
    way: tuple[str, ...]
    metrics: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TouchedName:
    """A name that means something touched: a dataset's by promotion, a model's alias, or one in mmreg.lock."""

    kind: Literal["promoted", "alias", "locked"]
    name: str
    means: str


@dataclass(frozen=True)
class Remedy:
    """Something to do next, and why. ``command`` is None for what no command does."""

    command: str | None
    why: str


@dataclass(frozen=True)
class Impact:
    """All that is touched by ``about``, upstream first: a node, samples of a version, or a licence.

    ``starts`` are what it begins from, and ``samples`` counts those that were asked for; None where none were.
    ``todo`` is in the order in which it is to be done.
    """

    about: str
    starts: tuple[str, ...]
    versions: tuple[TouchedVersion, ...] = ()
    models: tuple[TouchedModel, ...] = ()
    evaluations: tuple[TouchedEvaluation, ...] = ()
    names: tuple[TouchedName, ...] = ()
    todo: tuple[Remedy, ...] = ()
    samples: int | None = None

    @property
    def touched(self) -> bool:
        """Whether there is anything."""
        return bool(self.versions or self.models or self.evaluations or self.names)
