"""The index's schema as classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from mmreg.registry.catalog import Catalog, tables
from mmreg.registry.catalog.postgresql import schema_of
from mmreg.schemas.run import Run


def test_the_schema_is_the_one_of_the_classes() -> None:
    written = Path(tables.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    made = tables.schema(sqlite.dialect())
    assert written == made, "python -m mmreg.registry.catalog.tables > registry/catalog/schema.sql"


def test_the_migrations_make_the_tables_of_the_classes(postgres_server: str, tmp_path: Path) -> None:
    """Whatever steps led there: columns, types, order of text, keys and indexes."""

    def said(metadata: MetaData) -> dict[str, Any]:
        dialect = postgresql.dialect()
        return {
            table.name: (
                [
                    (c.name, c.type.compile(dialect).replace("FLOAT", "DOUBLE PRECISION"), c.nullable)
                    for c in table.columns
                ],
                [column.name for column in table.primary_key],
                sorted((str(index.name), [c.name for c in index.columns]) for index in table.indexes),
            )
            for table in metadata.tables.values()
        }

    Catalog.open(postgres_server, tmp_path, "tables").close()
    engine = create_engine(postgres_server)
    found = MetaData()
    found.reflect(engine, schema=schema_of("tables"))
    engine.dispose()
    assert said(found) | {"migration": None} == said(tables.Table.metadata) | {"migration": None}


def test_the_classes_query_an_index(history: list[Run], tmp_path: Path, postgres_server: str) -> None:
    path = f"options=-csearch_path={schema_of('queried')}"
    for url, address in [
        ("sqlite:///catalog.db", f"sqlite:///{tmp_path}/catalog.db"),
        (postgres_server, f"{postgres_server}&{path}"),
    ]:
        catalog = Catalog.open(url, tmp_path, "queried")
        for run in history:
            catalog.absorb(run)
        catalog.close()
        engine = create_engine(address)
        with Session(engine) as session:
            found = session.exec(
                select(tables.Version).where(tables.Version.dataset == "pairs").order_by(tables.Version.ordinal)
            ).all()
            assert [(version.ordinal, version.rows) for version in found] == [(1, 10), (2, 20), (3, 30)]
        engine.dispose()
