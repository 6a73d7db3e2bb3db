"""Who boosts a dataset or a model: the models and people that curated what it comes from, as lineage tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["leaky_external", "external", "self", "human", "none"]

EXTERNAL: tuple[Mode, ...] = ("leaky_external", "external")
MODELS: tuple[Mode, ...] = (*EXTERNAL, "self")
"""In which models boost, rather than people."""

MODES: tuple[Mode, ...] = (*MODELS, "human", "none")
"""The worst first; what is curated by several is what the first of them says.

``external``: no way leads from the data that is curated to the model. ``self``: one does, and the model is of the
student's own line. ``leaky_external``: one does, and it is not. ``human``: people said it. ``none``: nobody.
"""

Known = Literal["trained", "unrecorded", "opaque"]


@dataclass(frozen=True)
class Curation:
    """One edge upstream: the model, or the people, that a run asked.

    ``job`` and ``model`` are as people name them (``pass recap``, ``model cap@1f0c9a2b3c4d``; None for people), ``run``
    and ``digest`` what they are. ``columns`` are what the run wrote, none where it only chose rows. ``known`` says of
    the model's training that it is recorded, that it is not, or that nobody here can know (`opaque`); None for people.
    ``way`` leads from the data to the model, where one does, from there to the run, and on to what was asked about.
    """

    mode: Mode
    because: str
    job: str
    run: str
    model: str | None
    digest: str | None
    columns: tuple[str, ...]
    way: tuple[str, ...]
    known: Known | None = None
    annotators: int | None = None
    human_min: float | None = None


@dataclass(frozen=True)
class Made:
    """How many cells were made in a mode, and how many rows have one, or were made so themselves."""

    rows: int = 0
    cells: int = 0


@dataclass(frozen=True)
class ColumnShare:
    """How many cells of a column were made in each mode; ``cells`` are all that it has, nulls among them."""

    column: str
    cells: int
    made: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Shares:
    """How much of the data models and people have made, as the state tells that passes keep of every row.

    What is scored or filtered is measured, not made: `mmreg.schemas.upstream.Generation` says what creates content.
    ``of`` are the versions that were counted: the one asked about, or what a model was trained on. ``depths`` has the
    number of rows by synthetic depth, which is how many creating passes lie one upon the other. ``made`` counts by
    mode; `none` there are passes that create without a model. ``cells`` are those of the columns that a person would
    read, ``sample_id`` left out; ``models`` were made by any model, ``external`` by one that is not the student's own,
    be it leaky or not.
    """

    of: tuple[str, ...]
    rows: int
    cells: int
    depths: Mapping[int, int]
    made: Mapping[str, Made]
    models: Made
    external: Made
    columns: tuple[ColumnShare, ...]

    @property
    def model_rows(self) -> float:
        """The share of rows of which a model made a cell, or the row itself."""
        return _share(self.models.rows, self.rows)

    @property
    def model_cells(self) -> float:
        return _share(self.models.cells, self.cells)

    @property
    def external_rows(self) -> float:
        """The share of rows of which a model that is not the student's own made a cell, or the row itself."""
        return _share(self.external.rows, self.rows)

    @property
    def external_cells(self) -> float:
        return _share(self.external.cells, self.cells)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True)
class Boost:
    """The answer of ``mmreg lineage boost``.

    ``mode`` is the worst of all ``curations``, which ``counts`` counts. ``pool`` are the datasets that are curated: the
    roots that the data comes from. ``students`` are the models that learn from it. ``notes`` say what to do where the
    answer hangs on something that nobody told. ``shares`` is None where rows were not asked for, or are gone.
    """

    focus: str
    ref: str
    mode: Mode
    counts: Mapping[str, int]
    pool: tuple[str, ...]
    students: tuple[str, ...]
    curations: tuple[Curation, ...]
    shares: Shares | None = None
    notes: tuple[str, ...] = ()
