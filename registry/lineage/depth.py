"""How many passes that create content lie one upon the other below what a version has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.registry.lineage.flow import Use
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.upstream import Generation

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow


class Depths:
    """Counts through columns, and through the data that models were trained on."""

    def __init__(self, ancestry: Ancestry) -> None:
        self._ancestry = ancestry
        self._runs: dict[str, int] = {}
        self._models: dict[str, int] = {}

    def generations(self, row: VersionRow, name: str) -> dict[int, Generation]:
        """What each generation of a pass is of which the root version ``row`` may have rows, the last one first."""
        return {number: self._generation(runs) for number, runs in self._ancestry.alive(row, name).items()}

    def _generation(self, runs: Sequence[Run]) -> Generation:
        models = [used.id for run in runs for used in run.inputs if used.role == "curated_by"]
        return Generation(
            kind=runs[0].facets["pass"]["kind"],
            creates=any(_creates(run) for run in runs),
            depth=max(self._of_run(run) for run in runs),
            models=tuple(dict.fromkeys(models)),
        )

    def _of_run(self, run: Run) -> int:
        """Of what a run of a pass made."""
        if run.id not in self._runs:
            below = [self._of_version(use) for use in self._ancestry.inputs(run)]
            if _creates(run):
                below += [self._of_model(used.id) for used in run.inputs if used.role == "curated_by"]
            self._runs[run.id] = max(below, default=0) + _creates(run)
        return self._runs[run.id]

    def _of_model(self, digest: str) -> int:
        """Of all that a model was trained on, and what it began from."""
        if digest not in self._models:
            self._models[digest] = 0  # a model that began from itself is no deeper for it
            below = [0]
            for run in self._ancestry.trainings(digest):
                for use in self._ancestry.inputs(run):
                    below.append(self._of_version(use))
                    if use.what.role == "init_from":
                        below.append(self._of_model(use.what.id))
            self._models[digest] = max(below)
        return self._models[digest]

    def _of_version(self, use: Use) -> int:
        """0 for what is no version, or none that is known."""
        row = self._ancestry.version(use.what)
        if row is None:
            return 0
        if row.kind == "derived":
            pinned = (RunInput("version", root["uuid"], root["dataset"]) for root in row.roots)
            return max((self._of_version(Use(root, use.columns)) for root in pinned), default=0)
        return max(map(self._of_run, self._ancestry.passes(row, use.columns)), default=0)


def _creates(run: Run) -> bool:
    """Whether it makes content rather than measures it."""
    kind = run.facets["pass"]["kind"]
    return kind == "create" or (kind == "map" and any(used.role == "curated_by" for used in run.inputs))
