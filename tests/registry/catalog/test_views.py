"""Questions in SQL: the documented views on either kind of database, and nothing but reading."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import UsageError
from mmreg.registry.catalog import Catalog
from mmreg.schemas.run import Run, RunInput, RunState
from mmreg.schemas.views import VIEWS, page

MODEL = "aa" * 32


@pytest.fixture
def ask(catalog: Catalog, history: list[Run], trained: list[Run]) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask an index with a history in it."""
    for run in [*history, *trained]:
        catalog.absorb(run)
    return lambda query, timeout_s=60.0: list(catalog.ask(query, timeout_s).rows)


def test_each_view_has_the_columns_that_are_documented(ask: Any, catalog: Catalog) -> None:
    kinds: dict[str, tuple[type, ...]] = {"text": (str,), "json": (str,), "integer": (int,), "real": (float,)}
    for view in VIEWS:
        found = catalog.ask(f"SELECT * FROM {view.name}", 60)
        assert found.columns == tuple(column.name for column in view.columns)
        for row in found.rows:
            for column, value in zip(view.columns, row, strict=True):
                assert value is None or type(value) in kinds[column.type], (view.name, column.name, value)
        list(catalog.ask(view.example, 60).rows)


def test_the_page_is_made_of_the_views() -> None:
    written = Path(__file__).parents[3].joinpath("docs/sql.md").read_text(encoding="utf-8")
    assert written == page(), "python -m mmreg.schemas.views > docs/sql.md"


def test_what_the_views_say(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    assert ask("SELECT name, versions, latest, promoted, rows FROM datasets ORDER BY name") == [
        ("pairs", 3, "pairs@v3", "pairs@v1", 30),
        ("train", 1, "train@v1", None, 4),
    ]
    assert ask("SELECT ref, promoted FROM versions WHERE dataset = 'pairs' ORDER BY ordinal") == [
        ("pairs@v1", 1), ("pairs@v2", 0), ("pairs@v3", 0),
    ]  # fmt: skip
    assert ask("SELECT name FROM columns ORDER BY name") == [("blur",), ("width",)]
    assert ask("SELECT alias, substr(digest, 1, 2) FROM aliases WHERE current = 1 ORDER BY alias") == [
        ("champion", "bb"), ("control", "aa"),
    ]  # fmt: skip
    assert ask("SELECT model, metric, value, ref FROM evaluations ORDER BY metric") == [
        ("zero-shot", "loss", 0.375, "pairs@v1"), ("zero-shot", "recall@1", 0.75, "pairs@v1"),
    ]  # fmt: skip
    assert ask("SELECT job, ref, samples FROM training_data") == [("clip", "pairs", None)]
    assert ask("SELECT count(*) FROM edges e JOIN nodes n ON n.id = e.target WHERE n.kind = 'checkpoint'") == [(3,)]
    assert ask("SELECT ref FROM promotions") == [("pairs@v1",)]
    (seconds,) = ask("SELECT max(seconds) FROM runs")[0]
    assert seconds == pytest.approx(0.5, abs=1e-3)


def test_odd_records_do_not_break_a_view(ask: Any, catalog: Catalog, a_run: Callable[..., Run]) -> None:
    told = {"seed": "many", "samples_seen": 1e300, "data": [{"ref": "d@v1", "uuid": "u", "weight": math.inf}]}
    catalog.absorb(
        a_run(20, "training", "odd", state=RunState.FAILED, facets={"training": told, "error": "a \x00 NaN"})
    )
    catalog.absorb(a_run(21, "training", "none", facets={"training": {}, "cost": {"wall_s": math.nan, "cpu_s": 2}}))
    facets = {"training": {"data": [{"ref": "d@v2", "uuid": "w", "count": 7}], "seed": 3}}
    inputs = (RunInput("version", "w", "d@v2", "trained_on"), RunInput("checkpoint", MODEL, "clip", "init_from"))
    catalog.absorb(a_run(22, "training", "told", facets=facets, inputs=inputs))
    judged = {"evaluation": {"seed": 2, "split": "test", "evaluator": {"kind": "named", "name": "ann"}}}
    scored = (RunInput("checkpoint", MODEL, "clip"), RunInput("version", "v", "pairs@v1", "evaluated_on"))
    catalog.absorb(a_run(23, "evaluation", "clip", facets={"metrics": {"f1": 0.5}, **judged}, inputs=scored))
    for view in VIEWS:
        ask(f"SELECT * FROM {view.name}")
    assert ask("SELECT seed, split, evaluator FROM evaluations WHERE metric = 'f1'") == [(2, "test", "ann")]
    wanted = "SELECT seed, samples_seen, init_from FROM trainings WHERE job = "
    assert ask(f"{wanted}'odd'") == [(None, None, None)]
    assert ask(f"{wanted}'told'") == [(3, None, MODEL)]
    assert ask("SELECT ref, samples FROM training_data WHERE uuid = 'w'") == [("d@v2", 7)]
    assert ask("SELECT measure, amount FROM costs") == [("cpu_s", 2.0)]


WRITING = [
    "DELETE FROM run",
    "INSERT INTO setting VALUES ('a', 'b')",
    "UPDATE run SET name = 'x'",
    "DROP VIEW runs",
    "CREATE TABLE t (a INTEGER)",
    "WITH gone AS (DELETE FROM run RETURNING id) SELECT * FROM gone",
    "SELECT 1; DELETE FROM run",
    "SELECT 1; COMMIT; DELETE FROM run",
    "COMMIT",
    "SET transaction_read_only = off",
    "PRAGMA user_version = 1",
    "PRAGMA query_only",
    "ATTACH 'other.db' AS other",
    "VACUUM",
    "COPY run TO 'run.csv'",
    "SELECT load_extension('x')",
    "SELECT * FROM pragma_table_info('run')",
    "BEGIN",
    "",
    "-- nothing",
]


def test_nothing_can_be_written(ask: Any, catalog: Catalog) -> None:
    before = ask("SELECT count(*) FROM runs")
    for query in WRITING:
        with pytest.raises(UsageError):
            list(catalog.ask(query, 60).rows)
            pytest.fail(query)
        assert ask("SELECT count(*) FROM runs") == before, query
    assert catalog.absorb(catalog.runs()[0]) is False, "the index works on"


WRONG = [
    ("SELECT rws FROM versions", "line 1, column 8"),
    ("SELECT *\nFROM verzions", "line 2, column 6"),
    ("SELECT ref FROM versions\n  WHEER ref = 'FROM'", "line 2, column"),
    ("SELECT ref, FROM versions", "line 1, column 13"),
    ("SELECT 'a", "line 1, column 8"),
]


def test_what_is_wrong_is_shown_in_its_place(ask: Callable[[str], object]) -> None:
    for query, said in WRONG:
        with pytest.raises(UsageError, match=said) as error:
            ask(query)
        lines = error.value.message.splitlines()
        assert lines[-1].strip() == "^" and lines[-2].strip() in query


def test_near_names_are_told(ask: Callable[[str], object]) -> None:
    with pytest.raises(UsageError, match="did you mean 'datasets'"):
        ask("SELECT * FROM datasetz")
    with pytest.raises(UsageError, match=r"did you mean .*'rejected'"):
        ask("SELECT rejectd FROM versions")


def test_a_query_that_takes_too_long_is_stopped(ask: Callable[..., object]) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(UsageError, match=r"stopped after 0\.2 s"):
        ask(endless, 0.2)


def test_rows_come_as_they_are_read_and_names_once(ask: Any, catalog: Catalog) -> None:
    found = catalog.ask("SELECT a.uuid, b.uuid, 1 AS one FROM versions a JOIN versions b ON a.uuid = b.uuid", 60)
    assert found.columns == ("uuid", "uuid_2", "one")
    assert len(next(iter(found.rows))) == 3  # whoever has enough goes
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    numbers = iter(catalog.ask(endless, 60).rows)
    assert [next(numbers) for _ in range(3)] == [(1,), (2,), (3,)]


def test_hits_are_those_of_the_moment(catalog: Catalog, a_run: Callable[..., Run]) -> None:
    assert list(catalog.ask("SELECT count(*) FROM runs", 60).rows) == [(0,)]
    catalog.absorb(a_run(1))
    assert list(catalog.ask("SELECT count(*) FROM runs", 60).rows) == [(1,)]
