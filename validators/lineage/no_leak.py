"""lineage.no_leak: what is trained on is not what it will be judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import model_validator

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.lineage.keys import By, Index, Keys, keys_of, sample_ids
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Example, share, verdict
from mmreg.validators.world import Rows

BATCH_ROWS = 8192


class Arguments(Declared):
    evaluation: VersionRefText
    by: By
    column: str | None = None
    split: str | None = None

    @model_validator(mode="after")
    def _named(self) -> Arguments:
        if (self.column is None) != (self.by == "sample_id"):
            raise ValueError("'by: media' and 'by: text' need 'column', and 'by: sample_id' has none")
        return self


class NoLeak:
    """No row is in the evaluation set too, by its sample_id, its media's SHA-256 or its normalised text.

    Texts are the same that differ in case, punctuation, white space or the width of letters. Rows without a value are
    not examined. Remembered are the keys and samples of the smaller of the two sides: 56 bytes a row.
    """

    media = False
    samples = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._table = spec, table
        self._asked = parse_arguments(spec, Arguments)
        self._read = _read(self._asked, table.schema, "this version")
        self.columns = (self._read,)
        self._examined = self._failed = 0
        self._examples: list[Example] = []
        self._waiting = _Side()

    def update(self, batch: pa.RecordBatch) -> None:
        here = _Side()
        here.add(batch, self._read, self._asked.by)
        self._examined += here.rows
        if self._known is None:
            self._waiting.join(here)
        else:
            index, ids = self._known
            found = index.find(here.keys)
            leaking = np.flatnonzero(found >= 0)
            self._failed += len(leaking)
            for place in leaking[: self._spec.examples - len(self._examples)].tolist():
                self._example(here.ids[place], ids[found[place]])

    def result(self) -> CheckResult:
        if self._known is None and self._examined:
            self._look_for_those_waiting()
        by = {"sample_id": "sample_id", "media": "SHA-256 of", "text": "words of"}[self._asked.by]
        same = f"{by} {self._asked.column}" if self._asked.column else by
        ref = self._evaluation.ref + (f" ({self._asked.split})" if self._asked.split else "")
        message = share(self._spec, self._examined, self._failed, f"rows are in {ref} too, by the {same}")
        result = verdict(self._spec, self._asked.column, self._examined, self._failed, message, self._examples)
        return replace(result, numbers={"evaluation_rows": float(len(self._evaluation))})

    @cached_property
    def _evaluation(self) -> Rows:
        return self._table.around(self._spec.check).open(self._asked.evaluation, self._asked.split)

    @cached_property
    def _known(self) -> tuple[Index, NDArray[Any]] | None:
        """The evaluation set, where it is the smaller side."""
        if self._table.rows < len(self._evaluation):
            return None
        side = _Side()
        for batch, column in self._batches():
            side.add(batch, column, self._asked.by)
        return Index(side.keys), side.ids

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, str]]:
        column = _read(self._asked, self._evaluation.schema, self._evaluation.ref)
        for batch in self._evaluation.batches(
            list(dict.fromkeys(["sample_id", column])), batch_size=BATCH_ROWS, media=False
        ):
            yield batch, column

    def _look_for_those_waiting(self) -> None:
        keys, ids = self._waiting.keys, self._waiting.ids
        index = Index(keys)
        theirs = np.zeros(len(ids), "V16")
        met = np.zeros(len(ids), bool)
        for batch, column in self._batches():
            there = _Side()
            there.add(batch, column, self._asked.by)
            found = index.find(there.keys)
            theirs[found[found >= 0]] = there.ids[found >= 0]
            met[found[found >= 0]] = True
        first = index.find(keys)  # of several rows here that are the same only one was met
        leaking = np.flatnonzero(met[first])
        self._failed = len(leaking)
        for place in leaking[: self._spec.examples].tolist():
            self._example(ids[place], theirs[first[place]])

    def _example(self, here: Any, there: Any) -> None:
        reason = f"is sample {there.tobytes().hex()} of {self._evaluation.ref}"
        self._examples.append({"sample_id": here.tobytes().hex(), "value": "", "reason": reason})


class _Side:
    """Rows that have a key: their keys and their samples."""

    def __init__(self) -> None:
        self._keys: list[Keys] = [np.empty((2, 0), np.uint64)]
        self._ids: list[NDArray[Any]] = [np.empty(0, "V16")]
        self.rows = 0

    def add(self, batch: pa.RecordBatch, column: str, by: By) -> None:
        keys, given = keys_of(cells(batch, column), by)
        self._keys.append(keys)
        self._ids.append(sample_ids(batch)[given])
        self.rows += keys.shape[1]

    def join(self, other: _Side) -> None:
        self._keys += other._keys
        self._ids += other._ids
        self.rows += other.rows

    @property
    def keys(self) -> Keys:
        return np.concatenate(self._keys, axis=1)

    @property
    def ids(self) -> NDArray[Any]:
        return np.concatenate(self._ids)


def _read(asked: Arguments, schema: pa.Schema, where: str) -> str:
    """The column to read for what rows are compared by, or `UsageError`."""
    if asked.column is None:
        return "sample_id"
    dtype = Table(schema).type(asked.column)
    if asked.by == "media":
        if media_kind(dtype) is None:
            raise UsageError(f"lineage.no_leak: {asked.column} of {where} is {dtype}, no media", hint="by: text")
        return f"{asked.column}.sha256"
    if not (pa.types.is_string(dtype) or pa.types.is_large_string(dtype)):
        raise UsageError(f"lineage.no_leak: {asked.column} of {where} is {dtype}, no text", hint="by: media")
    return asked.column
