"""Why a sample is in a version, or is not, and where one of its values comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Readmission:
    """One thing that keeps a sample out, and what would let it in.

    ``condition`` is what was asked and ``said`` what it comes to for this very sample. ``column`` has the ``value``
    that misses the ``threshold``; ``duplicate_of`` is the sample that it is a duplicate of. ``now``: whether the
    condition holds with the cells of the newest version; None where that was not or cannot be looked at.
    """

    condition: str
    said: str
    column: str | None = None
    value: Any = None
    threshold: Any = None
    duplicate_of: str | None = None
    now: bool | None = None


@dataclass(frozen=True)
class Decision:
    """What the run that made ``version`` decided about the sample.

    ``reason`` is the condition that dropped it, None where it was kept. ``because`` says the same of this very sample,
    with the cells of that time, which ``values`` has: of the columns that the condition or, for a kept sample, the
    whole selection goes by. ``split`` is the split that it fell into. ``readmit``: of a sample that this decision
    dropped, all that would have to be otherwise.
    """

    version: str
    run: str
    at: str
    kept: bool
    because: str
    reason: str | None = None
    split: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    readmit: tuple[Readmission, ...] = ()


@dataclass(frozen=True)
class Seen:
    """Data that a model was trained on, and whether this very sample was among it.

    ``model`` is the model that was trained: the one asked about, or one that it began from. ``saw`` is None where
    nobody can know; ``by`` says how it is known: by the list of rows that the training kept, or by which rows the
    version has.
    """

    model: str
    run: str
    ref: str
    split: str | None
    component: str | None
    saw: bool | None
    by: Literal["rows", "version", "unknown"]


@dataclass(frozen=True)
class CellModel:
    """The checkpoint that made a value, and the data that it was trained on. ``opaque``: nobody knows its weights."""

    ref: str
    digest: str
    opaque: bool
    license: str | None
    base: str | None
    trained_on: tuple[Seen, ...]


@dataclass(frozen=True)
class CellSource:
    """Where a value was read: the ``address`` within what the dataset's source lists, at the ingest ``run``.

    ``digest`` is that of the whole listing as it was then.
    """

    node: str
    path: str
    digest: str
    address: str
    run: str
    version: str
    license: str | None


@dataclass(frozen=True)
class CellMaker:
    """The pass that made a value: its recipe, and the run in which it did."""

    name: str
    use: str
    kind: str
    version: str
    generation: str
    code: str
    run: str
    at: str
    params: Mapping[str, Any]
    prompt: str | None
    prompt_digest: str | None
    model: CellModel | None
    annotator: str | None
    file: str | None


@dataclass(frozen=True)
class Cell:
    """One value of a sample, and all that it comes from.

    ``value`` is as `mmreg head` shows it, of media the facts alone. ``state`` says whether a source brought it, a pass
    made it, a pass failed (``error``), or no pass has been here yet. ``inputs`` are the values that the pass made it
    from, as they were then. ``way`` names the steps that lead to it, the newest last.
    """

    ref: str
    column: str
    sample_id: str
    value: Any
    state: Literal["source", "made", "failed", "empty"]
    error: str | None = None
    source: CellSource | None = None
    maker: CellMaker | None = None
    inputs: tuple[Cell, ...] = ()
    way: tuple[str, ...] = ()


@dataclass(frozen=True)
class Why:
    """The answer about one sample and one version, and, where one was asked for, about one of its values.

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
    cell: Cell | None = None
