"""What a pass is to mmreg: a class that turns Arrow batches into Arrow batches and says what it promises.

    class Brightness:
        version = "1"
        kind, scope, role = "score", "row", "evaluator"
        inputs = {"image": "image"}

        def __init__(self, recipe: Recipe) -> None: ...
        def outputs(self) -> pa.Schema:
            return pa.schema([("brightness", pa.float32())])
        def open(self) -> None: ...
        def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch: ...

``batch`` has one column for each of ``inputs``, under the pass's own names; media cells arrive with their
``bytes`` filled in, also where the lake keeps only a reference. The answer has the columns of ``outputs()``, as
many rows as ``batch``, in its order, and may have one more, ``error`` (string): a row where it is not null has
failed, is recorded with its reason, and takes no neighbour down.

**Scope.** A pass of scope ``row`` gets any rows in any portions, so an answer may depend on its own row alone. One of
scope ``group`` gets all rows that share a cell of its input ``group`` (a null shares with nobody), one of scope
``table`` all rows, as one batch in the order of ``sample_id``, which is one more column of it; media cells have
their digest and facts then, and no bytes. Such a pass is called again for a group as soon as one of its rows came,
went or changed; where it has a method ``update`` (`Updating`), that is asked instead.

**Kind.** What a pass may do is checked, and one that does more publishes nothing:

| kind | the answer | what it becomes |
|---|---|---|
| ``score``, ``extract``, ``map`` | the columns of ``outputs()`` for the very same rows | new columns |
| ``filter`` | ``keep`` (bool, never null), with or without ``reason`` (string) | these, and a dataset ``into`` |
| ``map``, ``makes_rows = True`` | any number of rows for each, which ``_row`` (int32) tells | a new root ``into`` |
| ``create`` | the same; where ``origin`` (string) says from what else, the row is no parent | a new root ``into`` |

**What else a class may have.** ``incidental``: the names of params that are no part of the generation.
``batch_rows``: at most so many rows a call. ``allow``: answers that are right although they look broken, "nan",
"constant" and "empty" (`mmreg.curation.sanity`). ``spent()``: totals since it was opened, ``tokens_in``,
``tokens_out`` and ``money`` among them, for the record of the run. ``served()``: what a server says that it is.
``files``: the names of params that name files, whose content is part of the generation (`Recipe.files`).
``annotations()``: what people said, where the answers are theirs (`mmreg.curation.annotation_files`).
``prefixed``: outputs that have the pass's name in theirs, unless a declaration says otherwise. An
input called ``*`` stands for any others that a declaration names, of its type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import pyarrow as pa

from mmreg.schemas.model import LoadedModel

Kind = Literal["score", "map", "filter", "create", "extract"]
Scope = Literal["row", "group", "table"]
Role = Literal["creator", "mapper", "filter", "evaluator", "navigator", "extractor", "analyzer", "visualizer"]
__all__ = ["InputType", "Kind", "LoadedModel", "Pass", "Recipe", "Role", "Scope", "Updating", "makes_rows"]

InputType = Literal["image", "audio", "video", "text", "embedding", "any"]


@dataclass(frozen=True)
class Recipe:
    """What a declaration hands to a pass. With the pass's name and ``version`` it decides the generation.

    ``columns`` maps the pass's own names of its inputs to the root's columns, for messages only. ``files`` has what
    the params that the class lists in ``files`` stand for.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    model: LoadedModel | None = None
    prompt: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@runtime_checkable
class Pass(Protocol):
    """``version`` is the author's word for "the answers changed": bump it, and rows are stale."""

    version: ClassVar[str]
    kind: ClassVar[Kind]
    scope: ClassVar[Scope]
    role: ClassVar[Role]
    inputs: ClassVar[Mapping[str, InputType]]

    def __init__(self, recipe: Recipe) -> None:
        """Check ``recipe.params``: raise `UsageError` for an unknown or wrong one. Load nothing heavy here."""

    def outputs(self) -> pa.Schema:
        """The columns that this pass makes, under its own names. Known without opening anything."""

    def open(self) -> None:
        """Load what the calls need (weights, libraries). Called once per worker, before the first batch."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Compute one batch."""


@runtime_checkable
class Updating(Pass, Protocol):
    """A pass of scope ``group`` or ``table`` that can answer for rows that moved without looking at all pairs anew.

    Its answers must be those that a call would give, whatever is known.
    """

    def update(self, rows: pa.RecordBatch, known: pa.RecordBatch) -> pa.RecordBatch:
        """Compute one group. ``known`` has for each of ``rows`` what one earlier call or update of this generation
        answered, in the columns of `outputs`, and ``known`` (bool): false, and all null, for a row that it did not
        see as it is now. Rows that it saw and that are gone are not told of."""


def makes_rows(cls: type[Pass]) -> bool:
    """Whether a pass makes new samples in a root of their own."""
    return cls.kind == "create" or bool(getattr(cls, "makes_rows", False))
