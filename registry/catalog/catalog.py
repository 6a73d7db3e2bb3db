"""`Catalog`: one object over the index's parts, each of which is a file of functions beside this one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmreg.registry.catalog import catch_up, graph, models, records, search, versions, whole
from mmreg.registry.catalog.database import EVERYTHING, Database, open_database
from mmreg.registry.catalog.record import record_run
from mmreg.registry.catalog.sqlite import SqliteDatabase
from mmreg.registry.catalog.stamps import Stamps
from mmreg.registry.catalog.versions import VersionRow
from mmreg.registry.store import Store
from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef
from mmreg.schemas.run import JobKind, Run
from mmreg.schemas.summary import DatasetSummary, LogEntry, ModelSummary

if TYPE_CHECKING:
    from mmreg.schemas.views import Table

OWN = ".mmreg/own.db"
"""What a machine keeps for itself beside an index that it shares."""


class Catalog:
    """The index of a lake. Reading it never touches the lake; `absorb` and `catch_up` bring it up to date."""

    def __init__(self, database: Database, own: Database | None = None) -> None:
        self._db = database
        self._stamps = Stamps(own or database, database)

    @classmethod
    def open(cls, url: str, root: Path, lake: str = "") -> Catalog:
        """Open or make the index of the lake with this id.

        ``url`` is ``sqlite:///path``, a relative path being relative to ``root``, or ``postgresql+psycopg://...``.
        """
        database = open_database(url, root, lake)
        if isinstance(database, SqliteDatabase):
            return cls(database)
        try:
            return cls(database, SqliteDatabase.open(root / OWN))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        self._stamps.close()
        self._db.close()

    # What the index learns

    def absorb(self, run: Run) -> bool:
        """Take ``run`` in, or what it adds to a copy already known; False where that is nothing."""
        with self._db.write() as connection:
            return record_run(connection, run)

    def catch_up(self, store: Store) -> int:
        """Take in what is new in the lake; returns how many runs that was."""
        return catch_up.catch_up(self._db, store)

    def clear(self) -> None:
        """Forget everything, so that the next `catch_up` reads the whole lake."""
        self._db.clear()

    def age_s(self) -> float:
        """Seconds since the last `catch_up`."""
        return catch_up.age_s(self._db)

    def watermark(self, dataset: str) -> int | None:
        """The newest Lance version of ``dataset``'s table whose run was taken in; None: never looked."""
        found = self._db.row("SELECT lance_version FROM watermark WHERE dataset = ?", (dataset,))
        return int(found[0]) if found else None

    def set_watermark(self, dataset: str, lance_version: int) -> None:
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO watermark (dataset, lance_version) VALUES (?, ?)"
                " ON CONFLICT (dataset) DO UPDATE SET lance_version = excluded.lance_version",
                (dataset, lance_version),
            )

    def touch(self, dataset: str, address: str, stamp: int) -> None:
        """Remember that the file at ``address`` looks like ``stamp`` here, its bytes being the lake's."""
        self.touch_all(dataset, [(address, stamp)])

    def touch_all(self, dataset: str, stamps: Iterable[tuple[str, int]]) -> None:
        """`touch` for many, in one transaction."""
        self._stamps.touch(dataset, stamps)

    def untouch(self, dataset: str, addresses: Iterable[str]) -> None:
        """Forget what `touch` was told of these addresses."""
        self._stamps.untouch(dataset, addresses)

    def touched(self, dataset: str) -> dict[str, int]:
        """The stamps that `touch` was told, by address."""
        return self._stamps.touched(dataset)

    def unwritten(self) -> list[Run]:
        """Runs of which neither an object nor the archive had been met by the last `catch_up`, the oldest first."""
        found = self._db.rows(
            "SELECT record FROM run WHERE NOT archived AND id NOT IN (SELECT run FROM run_object) ORDER BY ended_at, id"
        )
        return [Run.from_json(record) for (record,) in found]

    # What it answers

    def ask(self, query: str, timeout_s: float) -> Table:
        """What a query in SQL over the documented views finds; its rows are read once, and nothing is written."""
        return self._db.ask(query, timeout_s)

    def resolve(self, ref: VersionRef) -> VersionRow:
        return versions.resolve(self._db, ref)

    def versions(self, dataset: str) -> list[VersionRow]:
        return versions.versions(self._db, dataset)

    def promoted(self, dataset: str) -> VersionRow | None:
        """The version that was promoted last; None before the first promotion."""
        return versions.promoted(self._db, dataset)

    def meant(self, dataset: str) -> VersionRow | None:
        """What the bare name means; None where no version is as its checks want it, and for an unknown name."""
        return next(iter(versions.meant(self._db, dataset)), None)

    def kind_of(self, dataset: str) -> Literal["root", "derived"] | None:
        """Whether a dataset has rows of its own or refers to those of others; None for an unknown one."""
        return versions.kind_of(self._db, dataset)

    def datasets(self) -> list[DatasetSummary]:
        """One line for each dataset that was not dropped."""
        dropped = self.dropped()
        return [summary for summary in versions.datasets(self._db) if summary.name not in dropped]

    def dropped(self) -> dict[str, str]:
        """The datasets that were dropped and not taken up again, each with the run that dropped it."""
        last: dict[str, Run] = {}
        for run in reversed(self.runs("drop")):
            if (name := run.facets["drop"].get("dataset")) is not None:
                last[name] = run
        return {name: run.id for name, run in last.items() if not run.facets["drop"].get("again")}

    def log(self, dataset: str) -> list[LogEntry]:
        return versions.log(self._db, dataset)

    def checkpoint(self, ref: ModelRef) -> Checkpoint:
        return models.checkpoint(self._db, ref)

    def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint that was registered, each once for every name."""
        return models.checkpoints(self._db)

    def models(self) -> list[ModelSummary]:
        return models.models(self._db)

    def registered(self, model: str) -> list[Checkpoint]:
        """The checkpoints of a model, the newest first; none for an unknown name."""
        return list(models.registered(self._db, model).values())

    def aliases(self, model: str) -> dict[str, str]:
        """The digest that each alias of a model means now."""
        return models.aliases(self._db, model)

    def run(self, id: str) -> Run:
        """The run with this id, or the only one whose id begins like this."""
        node = graph.node_id(self._db, NodeRef("run", id))
        return self._runs("id = ?", node.removeprefix("run:"))[0]

    def runs(self, kind: str | None = None, name: str | None = None, limit: int = EVERYTHING) -> list[Run]:
        """The runs of a kind, or of one job, or all; the newest first by (ended_at, id)."""
        asked = {"kind": kind, "name": name}
        given = {column: value for column, value in asked.items() if value is not None}
        return self._runs(" AND ".join(f"{column} = ?" for column in given) or "true", *given.values(), limit=limit)

    def runs_with(self, ids: Iterable[str]) -> Iterator[Run]:
        """The runs with these ids, in their order; one that is not known is left out."""
        return records.runs(self._db, ids)

    def checkpoints_with(self, digests: Iterable[str]) -> Iterator[Checkpoint]:
        """The checkpoints with these digests, each once for every name that it has."""
        return records.checkpoints(self._db, digests)

    def last_run(self, kind: JobKind, name: str, states: Sequence[str] = ("complete",)) -> Run | None:
        """The newest run of a job by (ended_at, id) that ended in one of ``states``."""
        ended = f"state IN ({', '.join('?' * len(states))})"
        found = self._runs(f"kind = ? AND name = ? AND {ended}", kind, name, *states, limit=1)
        return found[0] if found else None

    def node_id(self, ref: NodeRef) -> str:
        return graph.node_id(self._db, ref)

    def lineage(self, node: str, direction: str, depth: int | None = None) -> Lineage:
        return graph.lineage(self._db, node, direction, depth)

    def next_runs(self, node: str, direction: str) -> list[str]:
        """The ids of the runs that made a node (`up`) or used it (`down`)."""
        return graph.next_runs(self._db, node, direction)

    def nodes(self, ids: Collection[str]) -> tuple[Node, ...]:
        """The nodes with these ids, in the order of their time."""
        return graph.nodes(self._db, ids)

    def path(self, a: str, b: str) -> Lineage:
        return graph.path(self._db, a, b)

    def whole_lineage(self) -> Lineage:
        """The lineage of everything, in no direction."""
        return whole.whole(self._db)

    # Digests, and what nothing refers to

    def checkpoints_named(self, digits: str) -> Iterator[Checkpoint]:
        return search.checkpoints_named(self._db, digits)

    def sources_named(self, digits: str) -> list[search.SourceNode]:
        return search.sources_named(self._db, digits)

    def versions_named(self, digits: str) -> list[tuple[str, int, str]]:
        return search.versions_named(self._db, digits)

    def runs_naming(self, digits: str) -> Iterator[Run]:
        return search.runs_naming(self._db, digits)

    def unused_versions(self) -> set[str]:
        return search.unused_versions(self._db)

    def unused_checkpoints(self) -> set[str]:
        return search.unused_checkpoints(self._db)

    def untrained_checkpoints(self) -> set[str]:
        return search.untrained_checkpoints(self._db)

    def unread_sources(self) -> list[tuple[str, str]]:
        return search.unread_sources(self._db)

    def source_count(self) -> int:
        return search.source_count(self._db)

    def _runs(self, where: str, *parameters: str, limit: int = EVERYTHING) -> list[Run]:
        found = self._db.rows(
            f"SELECT record FROM run WHERE {where} ORDER BY ended_at DESC, id DESC LIMIT ?",
            (*parameters, limit),
        )
        return [Run.from_json(record) for (record,) in found]
