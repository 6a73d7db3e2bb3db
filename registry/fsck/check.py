"""`mmreg fsck`: does the lake still hold what was put into it?

Reads the lake alone, no index, and writes nothing unless it is asked to repair: so it works on a lake that can only
be read, and on one whose index is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mmreg.errors import IntegrityError, NotFound, StorageError
from mmreg.registry.digests import FileDigest
from mmreg.registry.fsck import named, repair
from mmreg.registry.fsck.files import TableFiles
from mmreg.registry.fsck.records import Records
from mmreg.registry.fsck.rows import MediaCells, References, duplicates, orphans
from mmreg.registry.fsck.tags import Tags
from mmreg.schemas.damage import Damage, FsckReport
from mmreg.schemas.progress import Progress, Quiet

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def fsck(
    workspace: Workspace,
    dataset: str | None = None,
    *,
    deep: bool = False,
    mend: bool = False,
    progress: Progress | None = None,
) -> FsckReport:
    """Look at ``dataset``, or at the whole lake.

    Files must be there with their size, manifests and transactions with their digest; versions must open, rows be
    unique and refer to rows that are there; what runs name must be whole. ``deep`` reads every byte that a retained
    version needs: each file against its digest, each stored media cell against its SHA-256. Memory: 16 bytes a row,
    and a few hundred bytes a file.

    ``mend`` repairs what can be repaired without losing anything, and with ``deep`` digests the files that nobody
    has digested. Raises `NotFound` for a dataset that the lake has not.
    """
    work = _Fsck(workspace, dataset, deep=deep, mend=mend)
    return work.run(progress or Quiet())


@dataclass
class _Fsck:
    workspace: Workspace
    dataset: str | None
    deep: bool = field(kw_only=True)
    mend: bool = field(kw_only=True)

    def run(self, progress: Progress) -> FsckReport:
        lake = self.workspace.lake
        records = Records.read(lake.store)
        tables = self._tables(records)
        looked_at = {name: files for name, files in tables.items() if self.dataset in (None, name)}
        if not looked_at and self.dataset is not None:
            known = ", ".join(tables) or "none"
            raise NotFound(f"{self.dataset}: no such dataset in the lake (there: {known})", hint="mmreg ls")
        damages: list[Damage] = []
        for files in tables.values() if self.dataset is None else self._with_roots(looked_at, tables):
            files.check(progress if files.dataset in looked_at else Quiet())
        damages += self._mended(
            list(named.damaged_objects(records)),
            lambda damage: damage.file is not None and repair.rewrite_run(lake, records, tables, damage.file),
        )
        cells, removed = MediaCells(), records.removed()
        for files in looked_at.values():
            damages += files.damages
            damages += self._commits(files)
            damages += self._rows(files, tables, removed, cells, progress)
        damages += self._tags(tables, looked_at)
        if self.dataset is None:
            damages += self._gone(records, tables)
            damages += named.objects(records, lake.store)
            damages += self._archive(records)
        damages = self._overtaken(damages)
        recorded = self._digested(looked_at)
        return FsckReport(
            damages=tuple(damages),
            deep=self.deep,
            datasets=len(looked_at),
            versions=sum(len(files.retained) for files in looked_at.values()),
            files=sum(len(files.uses) for files in looked_at.values()),
            bytes=sum(files.bytes for files in looked_at.values()),
            cells=cells.cells,
            undigested=sum(len(files.undigested) for files in looked_at.values()) - recorded,
            recorded=recorded,
        )

    def _tables(self, records: Records) -> dict[str, TableFiles]:
        lake = self.workspace.lake
        tables = {}
        for name in lake.datasets():
            files = TableFiles(lake, records, name, deep=self.deep and self.dataset in (None, name))
            if files.retained or files.known:
                tables[name] = files
        return tables

    def _with_roots(self, looked_at: dict[str, TableFiles], tables: dict[str, TableFiles]) -> list[TableFiles]:
        """What is looked at and, first, the roots that it refers to."""
        roots = {
            root["dataset"]
            for files in looked_at.values()
            for known in files.known.values()
            for root in known.output.roots
        }
        return [*(tables[name] for name in roots if name in tables and name not in looked_at), *looked_at.values()]

    def _commits(self, files: TableFiles) -> Iterator[Damage]:
        for damage, version in named.commits_without_object(files):
            done = self.mend and damage.kind == "run_missing" and repair.write_missing_run(files, version)
            yield replace(damage, repaired=done)

    def _rows(
        self,
        files: TableFiles,
        tables: dict[str, TableFiles],
        removed: Container[str],
        cells: MediaCells,
        progress: Progress,
    ) -> list[Damage]:
        checks: list[Callable[[], Iterator[Damage]]] = [
            lambda: duplicates(files),
            lambda: References(tables, removed).check(files),
            lambda: orphans(files, tables),
        ]
        if self.deep:
            checks.append(lambda: cells.check(files, progress))
        damages: list[Damage] = []
        for check in checks:
            try:
                damages += check()
            except StorageError as error:
                damages.append(
                    Damage(
                        "unreadable",
                        error.message,
                        dataset=files.dataset,
                        last_good=files.last_good,
                        hint=f"mmreg fsck {files.dataset} --deep",
                    )
                )
        return damages

    def _tags(self, tables: dict[str, TableFiles], looked_at: dict[str, TableFiles]) -> list[Damage]:
        tags = Tags(tables)
        torn = {name: list(tags.torn(files)) for name, files in tables.items()}
        damages = [damage for name, found in torn.items() if name in looked_at for damage in found]
        damages += [damage for files in looked_at.values() for damage in tags.missing(files)]

        def pin(damage: Damage) -> bool:
            if damage.file in tags.useless:
                repair.set_aside(self.workspace.lake.store, damage.file or "")
                return True
            name = (damage.file or "").rpartition("/")[2].removesuffix(".json")
            if name not in tags.pins:
                return False
            repair.pin_anew(self.workspace.lake, tags.pins[name])
            return True

        # Torn ones first, wherever they are: one hinders the making of every other.
        return self._mended(sorted(damages, key=lambda damage: damage.kind != "tag"), pin)

    def _gone(self, records: Records, tables: dict[str, TableFiles]) -> Iterator[Damage]:
        """Datasets of which not even a folder is left."""
        named_by_runs = {output.dataset for run in records.runs.values() for output in run.outputs}
        for name in sorted(named_by_runs - tables.keys() - records.dropped()):
            if records.versions(name):
                said = f"{name} is gone, with all its versions, and no run says who removed it"
                yield Damage("version_missing", said, dataset=name, hint="copy its folder back from a backup")

    def _archive(self, records: Records) -> list[Damage]:
        store = self.workspace.lake.store
        damages = list(named.archive(records, store, deep=self.deep))
        if self.mend and self.deep and records.archive is None:
            for version in list(named.undigested_archive(store)):
                repair.digest_archive(store, version)
        return damages

    def _overtaken(self, damages: list[Damage]) -> list[Damage]:
        """Without what others only did while this looked: versions published, or removed."""
        if not any(damage.lance_versions and not damage.repaired for damage in damages):
            return damages
        records = Records.read(self.workspace.lake.store)

        def stands(damage: Damage) -> bool:
            if damage.dataset is None or damage.repaired or not damage.lance_versions:
                return True
            versions = set(damage.lance_versions)
            if damage.kind == "run_missing":
                return not versions <= records.versions(damage.dataset).keys()
            return not versions <= records.removed_numbers(damage.dataset)

        return list(filter(stands, damages))

    def _digested(self, tables: dict[str, TableFiles]) -> int:
        found: dict[str, list[FileDigest]] = {name: files.found for name, files in tables.items() if files.found}
        if not self.mend or not found:
            return 0
        repair.record_digests(self.workspace.lake, found)
        return sum(map(len, found.values()))

    def _mended(self, damages: list[Damage], mend: Callable[[Damage], bool]) -> list[Damage]:
        if not self.mend:
            return damages
        mended = []
        for damage in damages:
            try:
                mended.append(replace(damage, repaired=mend(damage)))
            except (IntegrityError, StorageError, OSError, ValueError) as error:
                mended.append(replace(damage, message=f"{damage.message} (repair failed: {error})"))
        return mended
