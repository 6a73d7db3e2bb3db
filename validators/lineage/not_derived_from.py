"""lineage.not_derived_from: nothing of the version owes anything to a dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmreg.errors import NotFound
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.upstream import Origin
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.lineage.keys import Index, Keys, keys_of
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict
from mmreg.validators.world import Rows
from mmreg.validators.world_check import WorldCheck

BATCH_ROWS = 65_536


class Arguments(Declared):
    dataset: VersionRefText


class NotDerivedFrom(WorldCheck):
    """Neither its rows nor its columns come from the dataset, nor does a model that chose or made them.

    Data that was filtered, scored or written by a model counts as derived from all that the model, and those which it
    began from, were trained on: also where it was trained on another dataset that has samples of this one. What a model
    was only evaluated on does not count, nor does a dataset of which a selection only keeps clear (`none_of`).
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._of = VersionRef.parse(parse_arguments(spec, Arguments).dataset)
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        there = self._world.open(str(self._of))  # a dataset that nobody knows is a slip, and no good news
        ways = [self._way(origin, there) for origin in self._world.upstream() if origin.kind == "version"]
        found = list(filter(None, ways)) or list(self._trainings(there))
        message = f"it comes from {found[0]}" if found else f"nothing comes from {self._of}"
        message += f"; and {len(found) - 1:,} more ways" if len(found) > 1 else ""
        return verdict(self._spec, None, 1, int(bool(found)), message)

    def _way(self, origin: Origin, there: Rows) -> str | None:
        """How the version comes from the dataset, where ``origin`` is it."""
        wanted = origin.name == self._of.dataset and (self._of.selector is None or origin.id == there.uuid)
        return f"{origin.ref}: {' > '.join(origin.way)}" if wanted else None

    def _trainings(self, there: Rows) -> Iterator[str]:
        """How models came to see samples of the dataset in others."""
        samples = Index(_samples(there))
        for origin in self._world.upstream():
            if origin.kind == "version" and origin.way[1:] and origin.way[1].startswith("training "):
                try:
                    seen = samples.find(_samples(self._world.open(origin.ref, origin.split)))
                except NotFound:  # it is no longer in the lake: what is known is its name
                    continue
                if number := len(np.unique(seen[seen >= 0])):
                    yield f"{there.ref}, of which {number:,} samples are in {' > '.join(origin.way)}"


def _samples(rows: Rows) -> Keys:
    batches = rows.batches(["sample_id"], batch_size=BATCH_ROWS, media=False)
    found = [keys_of(batch.column("sample_id"), "sample_id")[0] for batch in batches]
    return np.concatenate([np.empty((2, 0), np.uint64), *found], axis=1)
