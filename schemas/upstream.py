"""Where a version comes from, as checks ask for it: origins, selections on the way, what passes made of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mmreg.schemas.arrow import state_column


@dataclass(frozen=True)
class Origin:
    """Something that a version comes from, or the version itself.

    ``id`` is a version's uuid, a checkpoint's digest or a source's; ``name`` the dataset or model. ``way`` leads from
    it to the version, a step each, as people name them: ``("test@v1", "training clip", "model clip@1f0c", ...)``.
    ``split`` is set where only that split of it was read.
    """

    kind: Literal["version", "checkpoint", "source"]
    id: str
    name: str
    ref: str
    way: tuple[str, ...]
    split: str | None = None


@dataclass(frozen=True)
class Base:
    """The rows that a selection chose from: a version, or one split of it."""

    ref: str
    split: str | None = None


@dataclass(frozen=True)
class Chosen:
    """A selection: of the ``looked_at`` rows of ``base`` the pass ``name`` kept ``kept``; they became ``ref``."""

    name: str
    ref: str
    base: tuple[Base, ...]
    looked_at: int
    kept: int


@dataclass(frozen=True)
class Chain:
    """How a version was chosen from ``base``: by ``steps``, the first one first; by none where it chose nothing."""

    base: tuple[Base, ...]
    steps: tuple[Chosen, ...]


@dataclass(frozen=True)
class Generation:
    """One recipe of a pass: the kind of the pass, the digests of the models that it asked, and its ``depth``.

    ``creates`` is True where it makes content rather than measures it: a pass of kind `create`, or of kind `map` that
    asks a model. ``depth`` counts such passes one upon the other, through the data that their models were trained on,
    itself included.
    """

    kind: str
    creates: bool
    depth: int
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class PassRecord:
    """What a pass has made in a root, under the names that the columns have now.

    ``columns`` are its outputs. ``inputs`` are the columns that the fingerprint in its state is over, in that order;
    None where the state of a row is not over cells of that row alone, or cannot be told. ``latest`` is the generation
    of its last run; ``generations`` has all that rows may still be of. ``everywhere``: it is for all rows of the
    version. ``makes_rows``: the rows are its own, and the state of each says by which generation it was made.
    """

    name: str
    columns: tuple[str, ...]
    inputs: tuple[str, ...] | None
    latest: int
    generations: Mapping[int, Generation] = field(default_factory=dict)
    everywhere: bool = True
    makes_rows: bool = False

    @property
    def state(self) -> str:
        return state_column(self.name)
