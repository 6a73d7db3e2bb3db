"""The registry: one project's declaration, its lake and its index, and the verbs on them.

Everything that the command line can do, this class and the functions of `mmreg.curation` can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmreg.config import Project, load
from mmreg.errors import IntegrityError, NotFound
from mmreg.registry import sync
from mmreg.registry.catalog import Catalog, VersionRow
from mmreg.registry.lake import Lake
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef

if TYPE_CHECKING:
    import lance

    from mmreg.registry.read import Reader
    from mmreg.registry.selection import Selection
    from mmreg.registry.snapshot import Snapshot
    from mmreg.registry.training import Training
    from mmreg.schemas.check import ValidationReport
    from mmreg.schemas.declaration import ProjectSpec
    from mmreg.schemas.detail import Diff, VersionDetail
    from mmreg.schemas.finding import DoctorReport
    from mmreg.schemas.lineage import Lineage
    from mmreg.schemas.model import Checkpoint, LoadedModel
    from mmreg.schemas.run import JobKind, Run, RunInput
    from mmreg.schemas.summary import DatasetSummary, LogEntry, ModelSummary


class Registry:
    """Open with `Registry.open`. Opening touches nothing; the lake and the index open when first needed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._snapshots: dict[str, Snapshot] = {}

    @classmethod
    def open(cls, path: Path | str | None = None, profile: str | None = None) -> Registry:
        """The registry of the project at or above ``path`` (default: the working directory)."""
        return cls(load(Path(path) if path is not None else None, profile))

    @property
    def spec(self) -> ProjectSpec:
        return self.project.spec

    @cached_property
    def lake(self) -> Lake:
        return Lake.open(self.project.lake_uri, self.project.lake_options)

    @cached_property
    def catalog(self) -> Catalog:
        """The index, brought up to date with the lake."""
        catalog = Catalog.open(self.project.catalog_url, self.project.folder)
        sync.catch_up(self.lake, catalog)
        return catalog

    # Looking

    def ls(self) -> list[DatasetSummary]:
        """All datasets, by name."""
        return self.catalog.datasets()

    def log(self, name: str) -> list[LogEntry]:
        """The versions of a dataset, newest first."""
        return self.catalog.log(name)

    def show(self, ref: VersionRef | str) -> VersionDetail:
        """Everything about one version."""
        from mmreg.registry.show import show

        return show(self, _version(ref))

    def open_version(self, ref: VersionRef | str, split: str | None = None) -> Reader:
        """A handle to read one exact version. `mmreg.open` is this, on the project around the working directory."""
        from mmreg.registry.read import Reader

        row = self.catalog.resolve(_version(ref))
        root = row.dataset if row.kind == "root" else row.roots[0]["dataset"]
        return Reader(self.lake, row, split, self.media_root(root))

    def head(self, ref: VersionRef | str, n: int = 10) -> list[dict[str, Any]]:
        """The first ``n`` rows as plain values; media cells without their bytes."""
        from mmreg.registry.query import rows

        return list(rows(self, _version(ref), limit=n))

    def query(
        self,
        ref: VersionRef | str,
        where: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Rows that fulfil ``where``, as plain values; media cells without their bytes."""
        from mmreg.registry.query import rows

        return rows(self, _version(ref), where=where, columns=columns, limit=limit)

    def diff(self, a: VersionRef | str, b: VersionRef | str) -> Diff:
        """What lies between two versions."""
        from mmreg.registry.diff import diff

        return diff(self, _version(a), _version(b))

    def lineage(
        self, node: NodeRef | str, direction: Literal["up", "down"] = "up", depth: int | None = None
    ) -> Lineage:
        """Where a node came from, or what was made from it."""
        return self.catalog.lineage(self.catalog.node_id(_node(node)), direction, depth)

    def lineage_path(self, a: NodeRef | str, b: NodeRef | str) -> Lineage:
        """How ``a`` leads to ``b``."""
        return self.catalog.path(self.catalog.node_id(_node(a)), self.catalog.node_id(_node(b)))

    # Checking and promoting

    def validate(self, ref: VersionRef | str | None = None) -> list[ValidationReport]:
        """Run the declared checks on ``ref``, or on the latest version of every dataset that has checks."""
        from mmreg.registry.validate import validate

        return validate(self, _version(ref) if ref is not None else None)

    def promote(self, ref: VersionRef | str) -> ValidationReport:
        """Make ``ref`` what its dataset's bare name means, if its checks pass."""
        from mmreg.registry.validate import promote

        return promote(self, _version(ref))

    # Models

    def models(self) -> list[ModelSummary]:
        """All checkpoints, newest first."""
        return self.catalog.models()

    def model(self, ref: ModelRef | str) -> Checkpoint:
        return self.catalog.checkpoint(_model(ref))

    def model_add(self, path: Path | str, name: str, **facts: Any) -> Checkpoint:
        """Register the weights at ``path`` under ``name``. ``facts``: alias, license, base, framework."""
        from mmreg.registry.models import model_add

        return model_add(self, Path(path), name, **facts)

    def model_alias(self, ref: ModelRef | str, alias: str) -> Checkpoint:
        """Let ``alias`` mean this checkpoint from now on."""
        from mmreg.registry.models import model_alias

        return model_alias(self, _model(ref), alias)

    def training(self, name: str, inputs: Sequence[VersionRef | str], **facts: Any) -> AbstractContextManager[Training]:
        """Record a training that you drive yourself. See `mmreg.registry.training.Training`."""
        from mmreg.registry.training import training

        return training(self, name, [_version(ref) for ref in inputs], **facts)

    def train_record(self, name: str, inputs: Sequence[VersionRef | str], checkpoint: Path | str, **facts: Any) -> Run:
        """Record a training that already happened."""
        with self.training(name, inputs, **facts) as job:
            job.save(checkpoint)
        assert job.run is not None
        return job.run

    def eval_record(self, model: ModelRef | str, ref: VersionRef | str, metrics: Mapping[str, float]) -> Run:
        """Record what a model scored on a version."""
        from mmreg.registry.models import eval_record

        return eval_record(self, _model(model), _version(ref), metrics)

    def runs(self, kind: JobKind | None = None) -> list[Run]:
        """Recorded runs, newest first; ``kind`` as in `mmreg.schemas.run.JobKind`."""
        return self.catalog.runs(kind)

    # Upkeep

    def doctor(self) -> DoctorReport:
        """Find and mend what crashes leave behind."""
        from mmreg.registry.doctor import doctor

        return doctor(self)

    def rebuild(self) -> int:
        """Make the index again from the lake. Returns how many runs it holds."""
        from mmreg.registry.doctor import rebuild

        return rebuild(self)

    # What the rooms above build on

    def record(self, run: Run) -> None:
        """Write the run's object and absorb it into the index."""
        sync.record(self.lake, self.catalog, run)

    def read_text(self, path: str) -> str:
        """A text file that the declaration names. Raises `NotFound`."""
        try:
            return (self.project.folder / path).read_text(encoding="utf-8")
        except OSError as error:
            raise NotFound(f"{path}: {error.strerror}", hint="paths are relative to mmreg.yaml") from error

    def loaded_model(self, ref: ModelRef, *, verify: bool = False) -> LoadedModel:
        """A registered checkpoint with the place of its files. Raises `NotFound` where there is none."""
        from mmreg.registry.models import weights_path
        from mmreg.schemas.model import LoadedModel

        checkpoint = self.catalog.checkpoint(ref)
        return LoadedModel(checkpoint, weights_path(self, checkpoint, verify=verify))

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
        return bool(self.catalog.versions(dataset))

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
        return read_selection(self.lake.table(dataset, row.lance_version)).only(split, dataset)

    def version_input(self, dataset: str, table: lance.LanceDataset, columns: tuple[str, ...] = ()) -> RunInput:
        """``table`` as the input of a run: the newest recorded version at or before it."""
        from mmreg.schemas.run import RunInput

        row = self.version_at(dataset, table.version)
        return RunInput("version", row.uuid, f"{dataset}@v{row.ordinal}", columns=columns)

    def latest_input(self, dataset: str) -> RunInput:
        from mmreg.schemas.run import RunInput

        row = self.latest(dataset)
        return RunInput("version", row.uuid, f"{dataset}@v{row.ordinal}")

    def version_at(self, dataset: str, lance_version: int) -> VersionRow:
        """The recorded version that Lance's ``lance_version`` is, or the one before it where that was foreign."""
        for attempt in range(2):
            rows = [row for row in self.catalog.versions(dataset) if row.lance_version <= lance_version]
            if rows and (rows[0].lance_version == lance_version or attempt):
                return rows[0]
            # Another process published this version after the index was read.
            sync.catch_up(self.lake, self.catalog)
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
                    from mmreg.errors import StorageError
                    from mmreg.registry.lake import first_line

                    raise StorageError(f"{dataset}: cannot pin v{lance_version}: {first_line(error)}") from error

    def pass_summary(self, name: str) -> bytes | None:
        """How the fragments stood after the last run of a pass."""
        from mmreg.registry.objects import get_object

        last = self.catalog.last_run("pass", name)
        digest = last.facets["pass"].get("summary") if last is not None else None
        return get_object(self.lake.store, digest) if digest else None


def _version(ref: VersionRef | str) -> VersionRef:
    return VersionRef.parse(ref) if isinstance(ref, str) else ref


def _model(ref: ModelRef | str) -> ModelRef:
    return ModelRef.parse(ref) if isinstance(ref, str) else ref


def _node(ref: NodeRef | str) -> NodeRef:
    return NodeRef.parse(ref) if isinstance(ref, str) else ref
