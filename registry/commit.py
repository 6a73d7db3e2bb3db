"""The only door for commits: every version of every table is made by `publish`.

Lance rebases an append over whatever landed meanwhile, so two writers that both checked "this sample is new"
would both land. `publish` therefore always commits something that conflicts with another publish of the same
table (see `operations`): one of two racing publishers lands, the other is told so and builds again on what it
finds. The transaction's uuid comes from the run's id, so a run whose answer got lost never lands twice. The files
that a commit brings are digested (see `digests`).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from mmreg.errors import Conflict, StorageError
from mmreg.registry.clock import now
from mmreg.registry.digests import Brought, manifest_path, sealed, transaction_path
from mmreg.registry.lake import WRITE_AGAIN, Lake, first_line, is_conflict
from mmreg.registry.leases import wait_for
from mmreg.registry.runs import RUN_PROPERTY, iter_runs, transaction_uuid
from mmreg.schemas.run import Run, VersionOutput

if TYPE_CHECKING:
    import lance

ATTEMPTS = 50
UPKEEP_WAIT_S = 3600.0


@dataclass(frozen=True)
class Draft:
    """What a builder wants committed: the operation, and what is known of the version that it makes."""

    operation: lance.LanceOperation.BaseOperation
    kind: Literal["root", "derived"]
    rows: int
    rejected: int = 0
    roots: tuple[Mapping[str, Any], ...] = ()
    columns: tuple[str, ...] = ()
    facets: Mapping[str, Any] = field(default_factory=dict)


Builder = Callable[["lance.LanceDataset | None"], Draft | None]
"""From the newest version (None before the first) to what should be committed on it; None: nothing is left to do."""


@dataclass(frozen=True)
class Seen:
    """A version that a run has read before it publishes: where it is still the newest, nothing of the run can have
    landed, and the next ordinal is known. Reading that from a transaction over thousands of fragments takes a second.
    """

    lance_version: int
    ordinal: int


def publish(
    lake: Lake, dataset: str, run: Run, build: Builder, seen: Seen | None = None, *, upkeep: bool = False
) -> Run | None:
    """Commit what ``build`` drafts as the next version of ``dataset``.

    Upkeep (compaction, erasure) would lose every race to a busy writer, so writers wait while somebody holds the
    table's `upkeep_lease`; ``upkeep`` says that it is this caller.

    Returns the run with its output added, or None where the builder found nothing to do. Raises `Conflict` after
    `ATTEMPTS` lost races and `StorageError` where the store fails; what else the builder raises passes through.
    """
    uuid = transaction_uuid(run.id, dataset)
    brought = Brought(lake, dataset)
    for attempt in range(ATTEMPTS):
        if not upkeep:
            wait_for(lake.store, upkeep_lease(dataset), wait_s=UPKEEP_WAIT_S)
        table = lake.find_table(dataset)
        known = seen if table is not None and seen is not None and seen.lance_version == table.version else None
        if table is not None and known is None and (landed := _landed(lake, dataset, table, uuid, run.started_at)):
            return landed
        try:
            draft = build(table)
            if draft is None:
                return None
            ordinal = known.ordinal if known is not None else _last_ordinal(lake, dataset, table)
            output = _output(dataset, ordinal + 1, draft, uuid)
            facets = {**run.facets, **draft.facets}
            if files := brought.facet(draft.operation, table):
                facets["files"] = {**run.facets.get("files", {}), dataset: files}
            record = replace(run, ended_at=now(), facets=facets).with_output(output)
            lance_version = _commit(lake, dataset, table, draft, uuid, record)
        except OSError as error:
            # A lost reply looks like a failure: look whether it landed before saying anything.
            table = lake.find_table(dataset)
            if table is not None and (landed := _landed(lake, dataset, table, uuid, run.started_at)):
                return landed
            if not is_conflict(error):
                raise StorageError(f"{dataset}: publishing failed: {first_line(error)}", hint=WRITE_AGAIN) from error
            time.sleep(random.uniform(0, min(1.0, 0.02 * 2 ** min(attempt, 6))))
            continue
        landed = record.with_output(replace(output, lance_version=lance_version))
        built_on = table.version if table is not None else 0
        beside = manifest_path(lance_version), transaction_path(built_on, uuid)
        lake.store.persist(f"{dataset}.lance/{path}" for path in beside)
        return sealed(lake, landed, dataset, built_on)
    raise Conflict(f"{dataset}: {ATTEMPTS} other commits came first", hint="repeat the command")


def upkeep_lease(dataset: str) -> str:
    """The lease that upkeep of ``dataset``'s table holds for one commit at a time."""
    return f"upkeep.{dataset}"


def recorded_run(table: lance.LanceDataset, lance_version: int) -> Run | None:
    """The run that made ``lance_version``, by the commit itself; None for a commit that is not mmreg's.

    Raises `LookupError` where the version's manifest is gone.
    """
    found = _recorded(table, lance_version)
    return found[0] if found is not None else None


def repaired_run(lake: Lake, dataset: str, table: lance.LanceDataset, lance_version: int) -> Run | None:
    """`recorded_run` as `publish` would have returned it: with the digests of manifest and transaction."""
    found = _recorded(table, lance_version)
    return sealed(lake, found[0], dataset, found[1]) if found is not None else None


def _recorded(table: lance.LanceDataset, lance_version: int) -> tuple[Run, int] | None:
    """The run of a commit, and the Lance version that it was built on."""
    try:
        transaction = table.read_transaction(lance_version)
    except (OSError, ValueError) as error:
        raise LookupError(f"Lance version {lance_version}: {first_line(error)}") from error
    text = (transaction.transaction_properties or {}).get(RUN_PROPERTY) if transaction else None
    if text is None or transaction is None:
        return None
    run = Run.from_json(text)
    outputs = tuple(replace(o, lance_version=lance_version) if o.uuid == transaction.uuid else o for o in run.outputs)
    return replace(run, outputs=outputs), transaction.read_version


def _output(dataset: str, ordinal: int, draft: Draft, uuid: str) -> VersionOutput:
    return VersionOutput(
        dataset=dataset,
        uuid=uuid,
        ordinal=ordinal,
        kind=draft.kind,
        rows=draft.rows,
        rejected=draft.rejected,
        roots=draft.roots,
        columns=draft.columns,
    )


def _commit(lake: Lake, dataset: str, table: lance.LanceDataset | None, draft: Draft, uuid: str, record: Run) -> int:
    """Commit on exactly ``table`` and return the Lance version that it made. Raises `OSError`."""
    import lance

    transaction = lance.Transaction(
        read_version=table.version if table is not None else 0,
        operation=draft.operation,
        uuid=uuid,
        transaction_properties={RUN_PROPERTY: record.to_json()},
    )
    committed = lance.LanceDataset.commit(
        lake.table_uri(dataset),
        transaction,
        storage_options=lake.store.options or None,
        enable_stable_row_ids=draft.kind == "root",
        max_retries=0,
    )
    return committed.version


def _landed(lake: Lake, dataset: str, table: lance.LanceDataset, uuid: str, since: str) -> Run | None:
    """What landed under ``uuid`` before, if anything did, among the commits of runs that ended after ``since``."""
    for version in range(table.version, 0, -1):
        try:
            run = recorded_run(table, version)
        except LookupError:
            return None
        if run is not None and any(o.uuid == uuid and o.lance_version == version for o in run.outputs):
            return repaired_run(lake, dataset, table, version)
        if run is not None and run.ended_at < since:
            return None
    return None


def _last_ordinal(lake: Lake, dataset: str, table: lance.LanceDataset | None) -> int:
    if table is None:
        return 0
    for version in range(table.version, 0, -1):
        try:
            transaction = table.read_transaction(version)
        except (OSError, ValueError):
            break
        text = (transaction.transaction_properties or {}).get(RUN_PROPERTY) if transaction else None
        if text is None:
            continue
        for output in json.loads(text)["outputs"]:
            if output["dataset"] == dataset:
                return int(output["ordinal"])
    # The manifests that could tell are gone (clean-up); the runs are not.
    return max((o.ordinal for run in iter_runs(lake.store) for o in run.outputs if o.dataset == dataset), default=0)
