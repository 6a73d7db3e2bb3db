"""What checks may ask of the registry around the version that they check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from mmreg.errors import NotFound
from mmreg.registry.derive import roots_at
from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.registry.lineage.chain import chain
from mmreg.registry.lineage.depth import Depths
from mmreg.registry.lineage.history import PassHistory
from mmreg.registry.lineage.license import license_of_data, license_of_model
from mmreg.registry.weights import weights_path, weights_stamp
from mmreg.schemas.fingerprint import light_rows
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.run import RunInput
from mmreg.schemas.upstream import Chain, Origin, PassRecord

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.part import Part
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace


class WorkspaceWorld:
    """The `mmreg.validators.world.World` around ``row``."""

    def __init__(self, workspace: Workspace, row: VersionRow) -> None:
        self._workspace, self._row = workspace, row

    def open(self, ref: str, split: str | None = None) -> Reader:
        return self._workspace.open_version(ref, split)

    def splits(self) -> tuple[str, ...]:
        selection = self._workspace.open_version(self._row.ref).selection
        return selection.names if selection is not None else ()

    def promoted(self) -> str | None:
        return next((row.ref for row in self._ancestry.versions(self._row.dataset) if row.promoted), None)

    def roots(self) -> Sequence[PartOfRoot]:
        parts = self._workspace.open_version(self._row.ref).parts
        return [self._root(part, root, at) for part, (root, at) in zip(parts, roots_at(self._row), strict=True)]

    def upstream(self) -> Sequence[Origin]:
        return self._upstream

    def chain(self, against: str | None = None) -> Chain:
        return chain(self._workspace, self._ancestry, self._row, against)

    def checkpoint(self, digest: str) -> Checkpoint:
        name = next((o.name for o in self._upstream if o.id == digest), digest)
        return self._workspace.catalog.checkpoint(ModelRef(name, digest))

    def weights(self, checkpoint: Checkpoint) -> None:
        folder = self._workspace.project.folder
        path = weights_path(folder, checkpoint, verify=False)
        if path is None:
            return
        seen = self._workspace.catalog.touched(f"model:{checkpoint.name}").get(checkpoint.digest)
        if seen is None or seen != weights_stamp(path):
            weights_path(folder, checkpoint, verify=True)

    def licenses(self) -> Sequence[tuple[Origin, str | None]]:
        found: dict[tuple[str, str], tuple[Origin, str | None]] = {}
        for origin in self._upstream:
            if origin.kind == "checkpoint":
                found[origin.kind, origin.id] = origin, self._license_of_model(origin)
            elif origin.kind == "version" and (origin.kind, origin.name) not in found:
                row = self._ancestry.version(RunInput("version", origin.id, origin.ref))
                ingest = self._ancestry.history(row).ingest if row is not None and row.kind == "root" else None
                if row is None or ingest is not None:
                    found[origin.kind, origin.name] = origin, license_of_data(self._workspace, origin.name, ingest)[0]
        return list(found.values())

    @cached_property
    def _ancestry(self) -> Ancestry:
        return Ancestry(self._workspace)

    @cached_property
    def _depths(self) -> Depths:
        return Depths(self._ancestry)

    @cached_property
    def _upstream(self) -> tuple[Origin, ...]:
        return self._ancestry.upstream(self._row)

    def _license_of_model(self, origin: Origin) -> str | None:
        try:
            return license_of_model(self._workspace, self.checkpoint(origin.id))[0]
        except NotFound:
            return None

    def _root(self, part: Part, root: str, lance_version: int) -> PartOfRoot:
        row = next(r for r in self._ancestry.versions(root) if r.lance_version <= lance_version)
        known = self._ancestry.history(row)
        passes = tuple(self._record(row, name, passed) for name, passed in known.passes.items())
        return PartOfRoot(row.ref, part, known.declared, passes)

    def _record(self, row: VersionRow, name: str, passed: PassHistory) -> PassRecord:
        generations = self._depths.generations(row, name)
        own_rows = not passed.makes_rows and passed.runs[0].facets["pass"].get("scope") == "row"
        return PassRecord(
            name=name,
            columns=passed.columns,
            inputs=passed.inputs if own_rows else None,
            latest=next(iter(generations)),
            generations=generations,
            everywhere=passed.makes_rows or self._is_for_all(name, row.dataset),
            makes_rows=passed.makes_rows,
        )

    def _is_for_all(self, name: str, root: str) -> bool:
        """Whether a pass, as it is declared, is for every row of the version."""
        declared = self._workspace.spec.passes.get(name)
        if declared is None or declared.rows or declared.split:
            return False
        return declared.from_ in {root, *self._chosen_from(self._row.dataset)}

    def _chosen_from(self, dataset: str) -> Iterator[str]:
        """The datasets that have all rows of ``dataset``, as declared: itself, what it is selected from, ..."""
        makers = {spec.into: spec for spec in self._workspace.spec.passes.values() if spec.into is not None}
        while dataset:
            yield dataset
            dataset = makers[dataset].from_ if dataset in makers else ""


@dataclass(frozen=True)
class PartOfRoot:
    """The `mmreg.validators.world.RootRows` of a part."""

    ref: str
    part: Part
    declared: frozenset[str]
    passes: tuple[PassRecord, ...]

    @property
    def schema(self) -> pa.Schema:
        return self.part.table.schema

    def __len__(self) -> int:
        return len(self.part)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        names = list(columns)
        yield from self.part.batches(names, None, light_rows(self.schema, [n.partition(".")[0] for n in names]))
