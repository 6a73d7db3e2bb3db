"""The registry: one project's declaration, its lake and its index, and the verbs on them.

Everything that the command line can do, this class and the functions of `mmreg.curation` can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmreg.errors import MissingExtra
from mmreg.registry.workspace import Workspace
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef

if TYPE_CHECKING:
    from mmreg.registry.training import Training
    from mmreg.schemas.boost import Boost
    from mmreg.schemas.check import ValidationReport
    from mmreg.schemas.compact import CompactReport
    from mmreg.schemas.comparison import Comparison
    from mmreg.schemas.cost import By, Cost
    from mmreg.schemas.damage import FsckReport, RolledBack
    from mmreg.schemas.detail import Diff, VersionDetail
    from mmreg.schemas.diagnosis import DatasetReport
    from mmreg.schemas.erasure import Asked, ErasurePlan, ErasureReport
    from mmreg.schemas.exchange import Emitted, Exported
    from mmreg.schemas.find import Found
    from mmreg.schemas.finding import DoctorReport
    from mmreg.schemas.gc import GcReport
    from mmreg.schemas.impact import Impact
    from mmreg.schemas.leak import Leak
    from mmreg.schemas.license import Licenses
    from mmreg.schemas.lineage import EdgeKind, Lineage, NodeKind
    from mmreg.schemas.model import Checkpoint
    from mmreg.schemas.model_detail import ModelDetail
    from mmreg.schemas.orphans import Orphans
    from mmreg.schemas.progress import Progress
    from mmreg.schemas.run import JobKind, Run
    from mmreg.schemas.summary import DatasetSummary, LogEntry, ModelSummary
    from mmreg.schemas.training import Data
    from mmreg.schemas.views import Table
    from mmreg.schemas.why import Why


class Registry(Workspace):
    """Open with `Registry.open`. Each verb is one file beside this one."""

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

    def sql(self, query: str, *, timeout_s: float = 60.0) -> Table:
        """What a query over the views of `mmreg.schemas.views` finds in the index, read as the rows are asked for."""
        return self.catalog.ask(query, timeout_s)

    def diff(self, a: VersionRef | str, b: VersionRef | str) -> Diff:
        """What lies between two versions."""
        from mmreg.registry.diff import diff

        return diff(self, _version(a), _version(b))

    def why(self, ref: VersionRef | str, sample: str, column: str | None = None) -> Why:
        """Why the sample whose id begins with ``sample`` (hexadecimal) is in a version, or is not; with ``column`` also
        where its value comes from."""
        from mmreg.registry.why import why

        return why(self, _version(ref), sample, column)

    def lineage(
        self,
        node: NodeRef | str,
        direction: Literal["up", "down"] = "up",
        depth: int | None = None,
        *,
        kinds: Collection[NodeKind] = (),
        through: Sequence[NodeRef | EdgeKind] = (),
    ) -> Lineage:
        """Where a node or a column came from, or what was made from it.

        ``depth``, ``kinds`` and ``through`` as for `mmreg.registry.lineage.walk.lineage`.
        """
        from mmreg.registry.lineage.walk import lineage

        return lineage(self.catalog, _node(node), direction, depth, kinds, through)

    def lineage_path(
        self,
        a: NodeRef | str,
        b: NodeRef | str,
        depth: int | None = None,
        *,
        kinds: Collection[NodeKind] = (),
        through: Sequence[NodeRef | EdgeKind] = (),
    ) -> Lineage:
        """How ``a`` leads to ``b``: all ways, or those of at most ``depth`` runs."""
        from mmreg.registry.lineage.walk import path

        return path(self.catalog, _node(a), _node(b), depth, kinds, through)

    def cost(self, node: NodeRef | str, by: By = "job") -> Cost:
        """What a node has cost: the sums over all runs upstream of it, each once."""
        from mmreg.registry.lineage.cost import cost

        return cost(self.catalog, self.lineage(node, "up"), by)

    def compare(self, a: NodeRef | str, b: NodeRef | str, *, rows: bool = True) -> Comparison:
        """Two versions, or two models, side by side; ``rows``: with how many samples they share."""
        from mmreg.registry.lineage.compare import compare

        return compare(self, _node(a), _node(b), rows=rows)

    def impact(self, node: NodeRef | str, where: str | None = None) -> Impact:
        """What is touched where ``node`` turns out bad, or the rows of a version that fulfil ``where``."""
        ref = _node(node)
        if where is not None:
            from mmreg.registry.lineage.impact_of_rows import impact_of_rows

            return impact_of_rows(self, ref, where)
        from mmreg.registry.lineage.impact import impact

        return impact(self, ref)

    def licenses(self, node: NodeRef | str, *, rows: bool = False) -> Licenses:
        """The licences of all that a version, a column of one or a model was made from; of single ``rows`` as well."""
        from mmreg.registry.lineage.license import licenses

        return licenses(self, _node(node), rows=rows)

    def impact_of_license(self, license: str) -> Impact:
        """What comes of all data and models under ``license``, or of those of which it is `unknown`."""
        from mmreg.registry.lineage.license import impact_of_license

        return impact_of_license(self, license)

    def boost(self, node: NodeRef | str, *, student: ModelRef | str | None = None, rows: bool = True) -> Boost:
        """Which models and people curated what a node comes from, and whether those had seen its data.

        ``student`` says who learns from it where lineage does not. ``rows``: count, too, what they have made.
        """
        from mmreg.registry.lineage.boost import boost

        named = _model(student) if student is not None else None
        return boost(self, _node(node), named, rows=rows)

    def leak(self, train: NodeRef | str, evaluation: NodeRef | str, **options: Any) -> Leak:
        """Whether ``evaluation``, a version or a split of it (``ref:split``), is in ``train``: another, or a model.

        ``options`` as for `mmreg.registry.lineage.leak.leak`: rows, max_distance, min_similarity.
        """
        from mmreg.registry.lineage.leak import leak

        return leak(self, _node(train), _node(evaluation), **options)

    def lineage_of_all(self) -> Lineage:
        """The lineage of everything in the lake, in no direction."""
        return self.catalog.whole_lineage()

    def lineage_export(
        self, lineage: Lineage, form: Literal["openlineage", "prov"], *, pinned: bool = False
    ) -> Iterator[dict[str, Any]]:
        """``lineage`` as documents of another format, as `mmreg.registry.exchange.export.export` makes them."""
        from mmreg.registry.exchange.export import export

        return export(self, lineage, form, pinned=pinned)

    def lineage_to_mlflow(self, lineage: Lineage, tracking_uri: str | None = None) -> Exported:
        """Write ``lineage`` into MLflow: its versions as datasets, its runs, its models."""
        from mmreg.registry.exchange.mlflow import write

        return write(lineage, self, tracking_uri)

    def croissant(self, ref: VersionRef | str, parquet: Path | None = None) -> dict[str, Any]:
        """A version as a Croissant description, as `mmreg.registry.exchange.croissant.croissant` makes it."""
        from mmreg.registry.exchange.croissant import croissant

        return croissant(self, _version(ref), parquet)

    def lineage_emit(self, lineage: Lineage | None = None) -> Emitted:
        """Send the events of ``lineage`` to where the project says, or those that could not be sent when they
        happened."""
        from mmreg.registry.exchange.emit import emitter_of

        emitter = emitter_of(self)
        return emitter.send(lineage) if lineage is not None else emitter.resend()

    def find(self, digest: str, *, dataset: VersionRef | str | None = None, rows: bool = True) -> Found:
        """All that has a digest which begins with ``digest``; ``rows``: media and samples, too. Raises `NotFound`."""
        from mmreg.registry.lineage.find import find, nothing

        found = find(self, digest, dataset=_version(dataset) if dataset is not None else None, rows=rows)
        if not found.hits:
            raise nothing(found)
        return found

    def orphans(self, dataset: str | None = None) -> Orphans:
        """What hangs on nothing, in the whole lake or in one dataset."""
        from mmreg.registry.lineage.orphans import orphans

        return orphans(self.catalog, dataset)

    # Checking and promoting

    def validate(
        self,
        ref: VersionRef | str | None = None,
        *,
        only: Sequence[str] = (),
        since: Mapping[str, VersionRef | str] | None = None,
        record: bool = True,
        progress: Progress | None = None,
    ) -> list[ValidationReport]:
        """Run the declared checks on ``ref``, or on the latest version of every dataset that has checks.

        ``only``, ``since`` and ``record`` as for `mmreg.registry.validate.validate`.
        """
        from mmreg.registry.validate import validate

        before = {name: _version(at) for name, at in (since or {}).items()}
        asked = _version(ref) if ref is not None else None
        return validate(self, asked, only=only, since=before, record=record, progress=progress)

    def promote(self, ref: VersionRef | str, *, progress: Progress | None = None) -> ValidationReport:
        """Make ``ref`` what its dataset's bare name means, if its checks pass."""
        from mmreg.registry.validate import promote

        return promote(self, _version(ref), progress=progress)

    def thumbnails(self, ref: str, column: str | None, sample_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Small JPEGs of samples' pictures, by sample id, as `mmreg.registry.validation.thumbnails` makes them."""
        from mmreg.registry.validation.thumbnails import thumbnails

        return thumbnails(self, ref, column, sample_ids)

    # Models

    def models(self) -> list[ModelSummary]:
        """All checkpoints, newest first."""
        return self.catalog.models()

    def model(self, ref: ModelRef | str) -> Checkpoint:
        return self.catalog.checkpoint(_model(ref))

    def model_show(self, ref: ModelRef | str) -> ModelDetail:
        """Everything about one checkpoint: its aliases, the trainings that made it and its evaluations as well."""
        from mmreg.registry.model_show import model_show

        return model_show(self, _model(ref))

    def model_add(self, path: Path | str, name: str, **facts: Any) -> Checkpoint:
        """Register the weights at ``path`` under ``name``. ``facts``: alias, license, base, framework, components."""
        from mmreg.registry.models import model_add

        return model_add(self, Path(path), name, **facts)

    def model_import(self, uri: str, name: str | None = None, **options: Any) -> Run:
        """Register a model of MLflow (``models:/NAME/1``) with the training that made it.

        ``options`` as for `mmreg.registry.exchange.mlflow_read.model_import`: alias, tracking_uri, output.
        """
        from mmreg.registry.exchange.mlflow_read import model_import

        return model_import(self, uri, name, **options)

    def mlflow_dataset(self, ref: VersionRef | str) -> Any:
        """The version as a dataset of MLflow: ``mlflow.log_input(registry.mlflow_dataset("train@v3"), "training")``."""
        try:
            from mmreg.registry.exchange.mlflow_source import dataset
        except ImportError as error:
            raise MissingExtra("MLflow", extra="mlflow") from error
        return dataset(self, _version(ref))

    def model_alias(self, ref: ModelRef | str, alias: str) -> Checkpoint:
        """Let ``alias`` mean this checkpoint from now on."""
        from mmreg.registry.models import model_alias

        return model_alias(self, _model(ref), alias)

    def training(
        self, name: str, inputs: Sequence[VersionRef | Data | str], **facts: Any
    ) -> AbstractContextManager[Training]:
        """Record a training that you drive yourself. See `mmreg.registry.training.training`."""
        from mmreg.registry.training import training

        return training(self, name, inputs, **facts)

    def train_record(
        self, name: str, inputs: Sequence[VersionRef | Data | str], checkpoint: Path | str, **facts: Any
    ) -> Run:
        """Record a training that already happened. ``facts`` as for `mmreg.registry.training.record_training`."""
        from mmreg.registry.training import record_training

        return record_training(self, name, inputs, Path(checkpoint), **facts)

    def train_ingest(self, files: Iterable[Path | str]) -> list[Run]:
        """Record trainings from the files that jobs without access have written (`mmreg.schemas.training_file`)."""
        from mmreg.registry.train_ingest import train_ingest

        return [train_ingest(self, Path(file)) for file in files]

    def eval_record(
        self, model: ModelRef | str, ref: VersionRef | str, metrics: Mapping[str, float], **facts: Any
    ) -> Run:
        """Record what a model scored on a version. ``facts``: split, seed, evaluator, cost."""
        from mmreg.registry.models import eval_record

        return eval_record(self, _model(model), _version(ref), metrics, **facts)

    def runs(self, kind: JobKind | None = None) -> list[Run]:
        """Recorded runs, newest first; ``kind`` as in `mmreg.schemas.run.JobKind`."""
        return self.catalog.runs(kind)

    # Upkeep

    def doctor(self, *, upgrade: bool = False) -> DoctorReport:
        """Find and mend what crashes leave behind; with ``upgrade`` give an older lake today's format."""
        from mmreg.registry.doctor import doctor

        return doctor(self, upgrade=upgrade)

    def examine(self, ref: VersionRef | str, progress: Progress | None = None) -> DatasetReport:
        """What may be wrong with a dataset, each with what would cure it."""
        from mmreg.registry.findings import examine

        return examine(self, _version(ref), progress)

    def fsck(
        self,
        dataset: str | None = None,
        *,
        deep: bool = False,
        repair: bool = False,
        progress: Progress | None = None,
    ) -> FsckReport:
        """Look for damage in the lake, or in one dataset; ``deep`` reads every byte."""
        from mmreg.registry.fsck.check import fsck

        return fsck(self, dataset, deep=deep, mend=repair, progress=progress)

    def rollback(self, dataset: str) -> RolledBack:
        """Go back from a newest version that cannot be opened to the one before it."""
        from mmreg.registry.fsck.rollback import rollback

        return rollback(self, dataset)

    def gc(self, dataset: str | None = None, *, apply: bool = False, progress: Progress | None = None) -> GcReport:
        """Say which versions of ``dataset``, or of all, nothing needs, and what was left over; ``apply`` removes it."""
        from mmreg.registry.gc import gc

        return gc(self, dataset, apply=apply, progress=progress)

    def plan_compaction(self, names: Sequence[str] = ()) -> CompactReport:
        """What `compact` would do."""
        from mmreg.registry.compact.compact import plan_compaction

        return plan_compaction(self, names)

    def compact(self, names: Sequence[str] = (), *, progress: Progress | None = None) -> CompactReport:
        """Put small fragments and many small files of root datasets together, and leave deleted rows out."""
        from mmreg.registry.compact.compact import compact

        return compact(self, names, progress)

    def erase_plan(self, asked: Asked) -> ErasurePlan:
        """What erasing samples would come to."""
        from mmreg.registry.erase.plan import plan

        return plan(self, asked).plan

    def erase(self, asked: Asked, **options: Any) -> ErasureReport | ErasurePlan:
        """Erase samples for good. ``options`` as for `mmreg.registry.erase.carry_out.erase`."""
        from mmreg.registry.erase.carry_out import erase

        return erase(self, asked, **options)

    def erase_resume(self, **options: Any) -> list[ErasureReport]:
        """Go on with erasures that were stopped."""
        from mmreg.registry.erase.carry_out import resume

        return resume(self, **options)

    def rebuild(self) -> int:
        """Make the index again from the lake. Returns how many runs it holds."""
        from mmreg.registry.doctor import rebuild

        return rebuild(self)


def _version(ref: VersionRef | str) -> VersionRef:
    return VersionRef.parse(ref) if isinstance(ref, str) else ref


def _model(ref: ModelRef | str) -> ModelRef:
    return ModelRef.parse(ref) if isinstance(ref, str) else ref


def _node(ref: NodeRef | str) -> NodeRef:
    return NodeRef.parse(ref) if isinstance(ref, str) else ref
