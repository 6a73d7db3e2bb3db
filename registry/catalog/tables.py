"""The tables of the index as SQLModel classes: its documentation, and the way to query it with SQLAlchemy.

    with Session(create_engine("sqlite:///.mmreg/catalog.db")) as session:
        session.exec(select(Version).where(Version.dataset == "pairs")).all()

``python -m mmreg.registry.catalog.tables`` prints ``schema.sql``, by which the index itself is made without
SQLAlchemy; with the argument ``postgresql`` it prints what the numbered ``migrations`` together make.
Times are ISO 8601 in UTC, so that their order as text is their order in time.
"""

from __future__ import annotations

import sys

from sqlalchemy import BigInteger, Column, Index, Integer, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import registry
from sqlmodel import AutoString, Field, SQLModel

Text = String().with_variant(String(collation="C"), "postgresql")
"""In the order of its bytes everywhere, as SQLite has it: prefixes of ids are ranges."""

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A node's: only as INTEGER it is SQLite's own row id."""


class Table(SQLModel, registry=registry()):
    """Base of the index's tables; its ``metadata`` holds these and no others."""


class Setting(Table, table=True):
    """What the index knows of itself: how far it has read the lake, and when."""

    name: str = Field(primary_key=True)
    value: str


class Run(Table, table=True):
    """One execution. ``record`` is the whole of it as JSON; ``archived``: seen in the lake's archive."""

    __table_args__ = (Index("run_by_job", "kind", "name", "ended_at", "id"),)
    id: str = Field(primary_key=True)
    kind: str
    name: str
    state: str
    started_at: str
    ended_at: str
    archived: bool = False
    record: str


class RunObject(Table, table=True):
    """A run object of the lake that has been read: its key, and the run that it records."""

    __tablename__ = "run_object"
    key: str = Field(primary_key=True)
    run: str


class Version(Table, table=True):
    """A version of a dataset, kept beside its neighbours. ``roots`` and ``columns`` are JSON lists."""

    __table_args__ = (
        Index("version_by_uuid", "uuid"),
        Index("version_by_run", "run"),
        Index("version_by_lance_version", "dataset", "lance_version"),
        {"sqlite_with_rowid": False},
    )
    dataset: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    uuid: str = Field(primary_key=True)
    kind: str
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    rejected: int = Field(sa_column=Column(BigInteger, nullable=False))
    lance_version: int | None = None
    roots: str
    columns: str
    run: str
    job_kind: str
    job_name: str
    created_at: str


class Promotion(Table, table=True):
    """A run made ``uuid`` what the bare name of ``dataset`` means; the last one counts."""

    __table_args__ = (Index("promotion_by_dataset", "dataset"),)
    run: str = Field(primary_key=True)
    dataset: str
    uuid: str


class Verdict(Table, table=True):
    """A run said whether the version ``uuid`` is as its dataset's checks want it; the last one counts.

    All checks together said so; some of them alone can only say that it failed. NULL: it was promoted when no checks
    were declared for it, so what earlier ones said does not count any more.
    """

    __table_args__ = (Index("verdict_by_uuid", "uuid", "at", "run"),)
    run: str = Field(primary_key=True)
    uuid: str = Field(primary_key=True)
    at: str
    ok: bool | None = None


class Removal(Table, table=True):
    """A run removed the version ``uuid`` from the lake; the first one counts. ``at`` is when."""

    uuid: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    at: str


class Checkpoint(Table, table=True):
    """A run registered a checkpoint under a name. ``record`` is the checkpoint as JSON."""

    __table_args__ = (Index("checkpoint_by_name", "name"), Index("checkpoint_by_digest", "digest"))
    run: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    record: str


class Alias(Table, table=True):
    """A run let an alias of a model mean the checkpoint ``digest``; the last one counts."""

    __table_args__ = (Index("alias_by_model", "model", "alias"), Index("alias_by_digest", "digest"))
    run: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    alias: str = Field(primary_key=True)
    digest: str


class Metric(Table, table=True):
    """A run measured a checkpoint; the last value of each name counts. NULL stands for NaN."""

    __table_args__ = (Index("metric_by_digest", "digest", "name"),)
    run: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: float | None = None


class Node(Table, table=True):
    """A node of the lineage graph.

    ``id`` is ``<kind>:<uuid, run id, digest>``, ``at`` when it came to be ('' for what no run here made),
    ``facts`` a JSON object. ``named_by`` is where name, ref and facts are from: '0' + the run that made it,
    else '1' + a run that used it; the smallest wins, so that the order of reading does not matter.
    """

    number: int | None = Field(default=None, sa_column=Column(Number, primary_key=True))
    id: str = Field(unique=True)
    kind: str
    name: str
    ref: str
    at: str
    facts: str
    named_by: str


class Edge(Table, table=True):
    """From upstream to downstream, by the nodes' numbers. A walk either way reads one index, nothing else."""

    __table_args__ = (
        Index("edge_upstream", "target", "source", "kind"),
        {"sqlite_with_rowid": False},
    )
    source: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    target: int = Field(sa_column=Column(Number, primary_key=True, autoincrement=False))
    kind: str = Field(primary_key=True)


class Watermark(Table, table=True):
    """The newest Lance version of a dataset's table whose run is in the index."""

    dataset: str = Field(primary_key=True)
    lance_version: int


class Stamp(Table, table=True):
    """What a source record looks like on this machine, where its bytes are those that the lake already has.

    ``stamp`` is an unsigned 64-bit number, kept as the signed one with the same bits.
    """

    __table_args__ = ({"sqlite_with_rowid": False},)
    dataset: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    stamp: int = Field(sa_column=Column(BigInteger, nullable=False))


for _table in Table.metadata.sorted_tables:
    for _column in _table.columns:
        if isinstance(_column.type, AutoString):
            _column.type = Text


def schema(dialect: Dialect) -> str:
    """The statements that make the index in a database."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    statements = []
    for table in Table.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)).strip() for index in indexes]
    tidy = ("\n".join(line.rstrip() for line in statement.split("\n")) for statement in statements)
    return "\n\n".join(f"{statement};" for statement in tidy) + "\n"


if __name__ == "__main__":
    from sqlalchemy.dialects import postgresql, sqlite

    asked: type[Dialect] = postgresql.dialect if sys.argv[1:] == ["postgresql"] else sqlite.dialect
    print(schema(asked()), end="")
