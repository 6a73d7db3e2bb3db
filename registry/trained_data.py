"""One of the datasets that a training reads: its exact version, and which of its samples were seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from mmreg.errors import UsageError
from mmreg.registry.row_sets import Ids, Samples, as_ids, empty, members, put_rows
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.training import Data, TrainedOn

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace

MERGE_AT = 1 << 20
"""Samples that are kept as they came, before they are made a set."""


@dataclass
class TrainedData:
    """``row`` is the version that was ``asked`` for."""

    workspace: Workspace
    asked: Data
    row: VersionRow
    _seen: list[Ids] = field(default_factory=list)

    @classmethod
    def of(cls, workspace: Workspace, asked: Data | VersionRef | str) -> Self:
        """Raises `NotFound` for an unknown version or split, `FilterError` for a predicate that it cannot fulfil."""
        if not isinstance(asked, Data):
            asked = Data.parse(asked) if isinstance(asked, str) else Data(asked)
        data = cls(workspace, asked, workspace.catalog.resolve(asked.ref))
        if asked.split is not None or asked.where is not None:
            schema = data.open().full_schema
            if asked.where is not None:
                Predicate.parse(asked.where).to_lance(schema)
        return data

    def __str__(self) -> str:
        named = f"{self.row.ref}:{self.asked.split}" if self.asked.split else self.row.ref
        return f"{named} ({self.asked.component})" if self.asked.component else named

    def open(self, split: str | None = None) -> Reader:
        """A handle to the version, or to the split that was asked for."""
        return self.workspace.open_version(self.row.ref, split or self.asked.split)

    def saw(self, samples: Samples) -> None:
        """Add to the samples that were seen. Raises `UsageError` for one that is not among them."""
        ids = as_ids(samples)
        places = np.minimum(np.searchsorted(self._members, ids), max(0, len(self._members) - 1))
        strange = ids[self._members[places] != ids] if len(self._members) else ids
        if len(strange):
            first = bytes(strange[0]).hex()
            among = f" where {self.asked.where}" if self.asked.where else ""
            raise UsageError(
                f"{len(strange):,} of {len(ids):,} samples are not in {self}{among}; the first is {first}",
                hint=f"mmreg query {self.row.ref} --columns sample_id",
            )
        self._seen.append(ids)
        if sum(map(len, self._seen)) > MERGE_AT + len(self._seen[0]):
            self._seen = [self._set()]

    def told(self) -> TrainedOn:
        """What the run says of it; a set of samples that is not all of them is kept in the lake."""
        asked = self.asked
        told = TrainedOn(self.row.ref, self.row.uuid, asked.split, asked.where, asked.weight, asked.component)
        if not self._seen:
            return TrainedOn(**{**told.to_dict(), "count": self._count()})
        seen = self._set()
        rows = put_rows(self.workspace.lake.store, seen) if len(seen) < len(self._members) else None
        return TrainedOn(**{**told.to_dict(), "rows": rows, "count": len(seen)})

    def _count(self) -> int:
        if self.asked.where is not None:
            return len(self._members)
        return self.row.rows if self.asked.split is None else len(self.open())

    def _set(self) -> Ids:
        return np.unique(np.concatenate([empty(), *self._seen]))

    @cached_property
    def _members(self) -> Ids:
        asked = self.asked
        return members(self.workspace, TrainedOn(self.row.ref, self.row.uuid, asked.split, asked.where))
