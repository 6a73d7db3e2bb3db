"""A project with its lake and its index: what every verb of the registry works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mmreg.config import Project, load, resolve_secret
from mmreg.errors import IntegrityError, NotFound, StorageError
from mmreg.registry import sync
from mmreg.registry.catalog import Catalog, VersionRow
from mmreg.registry.held import held, places_of
from mmreg.registry.lake import WRITE_AGAIN, Lake, first_line
from mmreg.registry.leases import lease
from mmreg.schemas.refs import ModelRef, VersionRef

if TYPE_CHECKING:
    import lance

    from mmreg.registry.exchange.emit import Emitter
    from mmreg.registry.read import Reader
    from mmreg.registry.selection import Selection
    from mmreg.registry.snapshot import Snapshot
    from mmreg.schemas.declaration import ProjectSpec
    from mmreg.schemas.model import LoadedModel
    from mmreg.schemas.run import Run, RunInput

WAIT_S = 3600.0


class Workspace:
    """Opening touches nothing; the lake and the index open when they are first needed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._snapshots: dict[str, Snapshot] = {}

    @classmethod
    def open(cls, path: Path | str | None = None, profile: str | None = None) -> Self:
        """The one of the project at or above ``path`` (default: the working directory)."""
        return cls(load(Path(path) if path is not None else None, profile))

    @property
    def spec(self) -> ProjectSpec:
        return self.project.spec

    @cached_property
    def lake(self) -> Lake:
        return Lake.open(self.project.lake_uri, self.project.lake_options, durable=self.project.durable)

    @cached_property
    def catalog(self) -> Catalog:
        """The index, brought up to date with the lake."""
        catalog = self.open_catalog()
        try:
            sync.catch_up(self.lake, catalog)
        except BaseException:
            catalog.close()
            raise
        return catalog

    def open_catalog(self) -> Catalog:
        """The index as it is; made where there is none. Who opens it closes it."""
        return Catalog.open(self.project.catalog_url, self.project.folder, self.lake.id)

    def close(self) -> None:
        """Let go of the index. What is asked for afterwards opens it again."""
        if (opened := self.__dict__.pop("catalog", None)) is not None:
            opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def catch_up(self) -> None:
        """Let the index know what other processes have done since it was opened."""
        sync.catch_up(self.lake, self.catalog)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Do ``name`` while no other process does, knowing what the one before has done. Waits for it to finish."""
        with lease(self.lake.store, name, wait_s=WAIT_S):
            self.catch_up()
            yield

    def open_version(self, ref: VersionRef | str, split: str | None = None) -> Reader:
        """A handle to read one exact version. `mmreg.open` is this, on the project around the working directory."""
        from mmreg.registry.read import Reader

        row = self.catalog.resolve(VersionRef.parse(ref) if isinstance(ref, str) else ref).readable()
        roots = [row.dataset] if row.kind == "root" else [root["dataset"] for root in row.roots]
        return Reader(self.lake, row, split, {root: self.media_root(root) for root in roots})

    def record(self, run: Run) -> None:
        """Write the run's object and absorb it into the index."""
        sync.record(self.lake, self.catalog, run)
        if self._emitter is not None:
            self._emitter.happened(run.id)

    @cached_property
    def _emitter(self) -> Emitter | None:
        """What sends lineage events; None where the project declares nothing of the kind."""
        if not self.project.says("emit"):
            return None
        from mmreg.registry.exchange.emit import Emitter

        return Emitter.of(self)

    def read_text(self, path: str) -> str:
        """A text file that the declaration names. Raises `NotFound`."""
        try:
            return (self.project.folder / path).read_text(encoding="utf-8")
        except OSError as error:
            raise NotFound(f"{path}: {error.strerror}", hint="paths are relative to mmreg.yaml") from error

    def loaded_model(self, ref: ModelRef, *, verify: bool = False) -> LoadedModel:
        """A checkpoint with the place of its files: as declared, or as registered. Raises `NotFound` for neither."""
        from mmreg.registry.models import declared_checkpoint
        from mmreg.registry.weights import weights_path
        from mmreg.schemas.model import LoadedModel

        declared = ref.selector is None and ref.name in self.spec.models
        checkpoint = declared_checkpoint(self, ref.name) if declared else self.catalog.checkpoint(ref)
        spec = self.spec.models.get(ref.name)
        key = spec.api_key if spec is not None and spec.uri == checkpoint.uri else None  # no other address gets it
        secret = partial(resolve_secret, key, self.project.folder) if key is not None else None
        return LoadedModel(checkpoint, weights_path(self.project.folder, checkpoint, verify=verify), secret)

    def media_root(self, root: str) -> str | None:
        """Where relative references of a root's media start, as its declared source says."""
        spec = self.spec.datasets.get(root)
        if spec is None or all(column.storage == "inline" for column in spec.columns.values()):
            return None
        from mmreg.sources import open_source

        return open_source(root, spec, self.project.folder).media_root

    def latest(self, dataset: str) -> VersionRow:
        return self.catalog.resolve(VersionRef(dataset, "latest"))

    def newest(self, root: str) -> Snapshot:
        """The newest version of a root's table: one object until another version is there. Raises `NotFound`."""
        from mmreg.registry.snapshot import Snapshot

        held = self._snapshots.get(root)
        if held is None or held.table.version != max(self.lake.versions_on_disk(root), default=0):
            held = self._snapshots[root] = Snapshot(self.lake.table(root))
        return held

    def exists(self, dataset: str) -> bool:
        return bool(self.catalog.versions(dataset)) and dataset not in self.catalog.dropped()

    def rows_of(self, dataset: str) -> int:
        return self.latest(dataset).rows

    def rejected_count(self, root: str) -> int:
        last = self.catalog.last_run("ingest", root)
        return int(last.facets["ingest"]["rejected"]) if last is not None else 0

    def base_selection(self, dataset: str, split: str | None) -> Selection | None:
        """The rows that a pass from ``dataset`` is for: None for all of a root."""
        if dataset in self.spec.datasets:
            return None
        from mmreg.registry.selection import read_selection

        row = self.latest(dataset)
        if row.kind == "root":  # one that a pass has made
            return None
        return read_selection(self.lake.table(dataset, row.lance_version)).only(split, dataset)

    def version_input(self, dataset: str, table: lance.LanceDataset, columns: tuple[str, ...] = ()) -> RunInput:
        """``table`` as the input of a run: the newest recorded version at or before it."""
        from mmreg.schemas.run import RunInput

        row = self.version_at(dataset, table.version)
        return RunInput("version", row.uuid, row.ref, columns=columns)

    def latest_input(self, dataset: str) -> RunInput:
        from mmreg.schemas.run import RunInput

        row = self.latest(dataset)
        return RunInput("version", row.uuid, row.ref)

    def version_at(self, dataset: str, lance_version: int) -> VersionRow:
        """The recorded version that Lance's ``lance_version`` is, or the one before it where that was foreign."""
        for attempt in range(2):
            rows = [row for row in self.catalog.versions(dataset) if row.lance_version <= lance_version]
            if rows and (rows[0].lance_version == lance_version or attempt):
                return rows[0]
            # Another process published this version after the index was read.
            self.catch_up()
        raise IntegrityError(f"{dataset}: no recorded version at Lance version {lance_version}", hint="mmreg doctor")

    def root_pin(self, root: str, table: lance.LanceDataset) -> dict[str, Any]:
        """The root version that a derived dataset refers to."""
        return {
            "dataset": root,
            "uuid": self.version_at(root, table.version).uuid,
            "lance_version": table.version,
        }

    def pin(self, dataset: str, uuid: str, lance_version: int) -> None:
        """Keep a version from being cleaned up: one Lance tag, named from its uuid."""
        table = self.lake.table(dataset)
        name = f"mmreg-{uuid}"
        if name not in table.tags.list():
            try:
                table.tags.create(name, lance_version)
            except (OSError, ValueError) as error:
                if name not in table.tags.list():  # else another process pinned it first
                    raise StorageError(
                        f"{dataset}: cannot pin v{lance_version}: {first_line(error)}", hint=WRITE_AGAIN
                    ) from error

    def unpin(self, dataset: str, *uuids: str) -> None:
        """Let clean-up have versions that `pin` has kept; one that is not pinned is fine."""
        table = self.lake.table(dataset)
        for name in {f"mmreg-{uuid}" for uuid in uuids}.intersection(table.tags.list()):
            try:
                table.tags.delete(name)
            except (OSError, ValueError) as error:
                if name in self.lake.table(dataset).tags.list():  # else another process was first
                    raise StorageError(
                        f"{dataset}: cannot release {name}: {first_line(error)}", hint=WRITE_AGAIN
                    ) from error

    @contextmanager
    def holding(self, *rows: VersionRow) -> Iterator[None]:
        """Keep clean-up away from ``rows`` and the root versions behind them while the block runs.

        Raises `NotFound` where one is gone.
        """
        with ExitStack() as holds:
            for row in rows:
                holds.enter_context(held(self.lake, row.readable().ref, places_of(row)))
            yield

    def last_pass_run(self, name: str) -> Run | None:
        """The last run of a pass, also under its former name."""
        declared = self.spec.passes.get(name)
        last = self.catalog.last_run("pass", name)
        if last is None and declared is not None and declared.renamed_from is not None:
            last = self.catalog.last_run("pass", declared.renamed_from)
        return last

    def pass_summary(self, name: str) -> bytes | None:
        """How the fragments stood after the last run of a pass."""
        from mmreg.registry.compact.carry import summary_of
        from mmreg.registry.objects import get_object

        last = self.last_pass_run(name)
        digest = summary_of(self, last) if last is not None else None
        return get_object(self.lake.store, digest) if digest else None
