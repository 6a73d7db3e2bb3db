"""The views that ``mmreg sql`` reads: their columns, what these mean, and a question to each.

They are the same over SQLite and PostgreSQL; ``docs/sql.md`` is made of this, and a test keeps all three in step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Type = Literal["text", "integer", "real", "json"]
"""``json`` is text that holds JSON. Times are text in ISO 8601, UTC; yes and no are the integers 1 and 0."""


@dataclass(frozen=True)
class Column:
    """A column of a view and what it means."""

    name: str
    type: Type
    meaning: str


@dataclass(frozen=True)
class View:
    """A view: what a row of it is, its columns, and a query as an example."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    example: str


@dataclass(frozen=True)
class Table:
    """What a query found: the names of its columns, and its rows as they are read, once."""

    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def _view(name: str, meaning: str, columns: str, example: str) -> View:
    """``columns`` has a line for each: its name, its type and what it means."""
    lines = (line.split(maxsplit=2) for line in columns.strip().splitlines())
    return View(name, meaning, tuple(Column(name, type, meaning) for name, type, meaning in lines), example)  # type: ignore[arg-type]


VIEWS = (
    _view(
        "datasets", "A dataset of the lake, also a dropped one.",
        """
        name       text    its name
        kind       text    root or derived
        versions   integer how many it has
        latest     text    the newest version, as pairs@v3
        promoted   text    the version that was promoted last, else null
        rows       integer samples of the newest version
        rejected   integer source records that did not become a sample of it
        created_at text    when its first version was made
        updated_at text    when its newest version was made
        """,
        "SELECT name, rows, updated_at FROM datasets ORDER BY rows DESC",
    ),
    _view(
        "versions", "A version of a dataset, also one that clean-up has removed.",
        """
        uuid          text    what it is, wherever the lake goes
        ref           text    what people call it: pairs@v3
        dataset       text    its dataset
        ordinal       integer the 3 of v3; 0 for a commit of another program
        kind          text    root or derived
        rows          integer samples
        rejected      integer source records that did not become a sample
        lance_version integer the number of the version in its Lance table
        run           text    the run that made it
        job_kind      text    ingest, pass, select, ...
        job           text    the dataset, pass, ... that the run is of
        created_at    text    when that run ended
        promoted      integer 1 where it is the one that was promoted last
        verdict       text    passed, failed or unchecked (promoted without checks); null where nobody has judged it
        removed_at    text    when clean-up removed its files, else null
        """,
        "SELECT ref, job_kind, job, rows FROM versions WHERE dataset = 'pairs' ORDER BY ordinal",
    ),
    _view(
        "runs", "One execution of a job: what happened, when, and how it ended.",
        """
        id         text    ids sort by the time of their start
        kind       text    ingest, pass, select, training, evaluation, validation, promotion, model, alias, ...
        job        text    the dataset, pass, training or model that it is of
        state      text    complete, failed or aborted
        started_at text    when it began
        ended_at   text    when it ended
        seconds    real    between the two
        declared   integer 0 for a run by hand, which mmreg.yaml does not declare
        tool       text    the program that recorded it
        error      text    why it failed
        record     json    all of it, as in the lake
        """,
        "SELECT kind, count(*) AS runs, sum(seconds) AS seconds FROM runs GROUP BY kind ORDER BY seconds DESC",
    ),
    _view(
        "models", "A checkpoint under a name, as it was registered last.",
        """
        digest        text    SHA-256 over its weights
        name          text    the model's name
        ref           text    model:clip@3f9a1c04b7d2
        framework     text    what loads it
        opaque        integer 1 where nobody here can read its weights
        size_bytes    integer of its files
        base          text    what it was made from, as it was told
        license       text    SPDX expression, else null
        path          text    where its files were, relative to the project
        uri           text    its address, for a server's
        run           text    the run that registered it
        registered_at text    when
        """,
        "SELECT ref, size_bytes FROM models WHERE license IS NULL",
    ),
    _view(
        "aliases", "An alias was given to a checkpoint.",
        """
        model   text    the model's name
        alias   text    as in clip@champion
        digest  text    the checkpoint that it was given to
        run     text    the run that gave it
        at      text    when
        current integer 1 where it still means that checkpoint
        """,
        "SELECT model, alias, substr(digest, 1, 12) AS digest FROM aliases WHERE current = 1",
    ),
    _view(
        "trainings", "A training, once for every checkpoint that it made.",
        """
        run          text    the run
        job          text    the training's name
        state        text    complete, failed or aborted
        digest       text    the checkpoint; null where it made none
        model        text    the name of that
        seed         integer of its random numbers
        samples_seen integer samples that it saw, counted as often as they came
        parameters   integer of the model
        init_from    text    digest of the checkpoint that it began from
        started_at   text    when it began
        ended_at     text    when it ended
        facet        json    all that was said of it
        """,
        "SELECT t.model, t.seed, m.name, m.value FROM trainings t JOIN metrics m ON m.run = t.run",
    ),
    _view(
        "training_data", "Data that a training read.",
        """
        run       text    the training's run
        job       text    its name
        uuid      text    the version
        ref       text    what it was called then
        split     text    the split of it, where it was one
        predicate text    which rows of that, else all
        weight    real    its share of a mixture
        component text    the part of the model that was trained on it
        row_set   text    digest of the list of samples that were seen; null: all of these rows
        samples   integer how many there were, where that was counted
        """,
        "SELECT job, ref, split, samples FROM training_data ORDER BY run",
    ),
    _view(
        "evaluations", "A number that an evaluation gave a checkpoint, once for every version that it read.",
        """
        run       text    the evaluation's run
        digest    text    the checkpoint
        model     text    the model's name
        metric    text    what was measured
        value     real    what came out; null for NaN
        uuid      text    the version
        ref       text    what it was called then
        split     text    the split of it, where it was one
        seed      integer of its random numbers
        evaluator text    who or what judged
        at        text    when
        """,
        "SELECT model, metric, ref, avg(value) AS mean, count(*) AS runs FROM evaluations GROUP BY 1, 2, 3",
    ),
    _view(
        "metrics", "A number that any run gave a checkpoint: its training, or an evaluation.",
        """
        run      text    the run
        run_kind text    training, evaluation, ...
        job      text    its job
        digest   text    the checkpoint
        name     text    what was measured
        value    real    what came out; null for NaN
        at       text    when
        """,
        "SELECT name, max(value) AS best FROM metrics GROUP BY name",
    ),
    _view(
        "costs", "Something that a run says that it has spent.",
        """
        run      text    the run
        run_kind text    pass, training, ...
        job      text    its job
        measure  text    seconds, wall_s, cpu_s, gpu_s, flops, calls, tokens_in, tokens_out, human_min, money, ...
        amount   real    how much
        currency text    of money, where it was told
        """,
        "SELECT job, measure, sum(amount) AS total FROM costs GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    _view(
        "nodes", "A node of the lineage graph.",
        """
        id    text version:<uuid>, run:<id>, checkpoint:<digest> or source:<digest>
        kind  text version, run, checkpoint or source
        name  text dataset, job or model
        ref   text what people type
        at    text when it came to be; empty for what no run here made
        facts json a few things worth showing
        """,
        "SELECT kind, count(*) AS nodes FROM nodes GROUP BY kind",
    ),
    _view(
        "edges", "An edge of the lineage graph, from upstream to downstream; one end is a run.",
        """
        source text a node's id
        target text a node's id
        kind   text used, generated, curated_by, trained_on, init_from, evaluated_on, continues
        """,
        "SELECT n.ref FROM edges e JOIN nodes n ON n.id = e.source WHERE e.kind = 'curated_by'",
    ),
    _view(
        "columns", "A column that was made or filled in a version.",
        """
        uuid     text the version
        ref      text what people call it
        dataset  text its dataset
        name     text the column
        run      text the run that did it
        job_kind text ingest, pass, ...
        job      text its job
        """,
        "SELECT ref, name, job FROM columns WHERE dataset = 'pairs' ORDER BY ref, name",
    ),
    _view(
        "promotions", "A version was made the one that its dataset's bare name means.",
        """
        run     text the run that did it
        dataset text the dataset
        uuid    text the version
        ref     text what people call it
        at      text when
        """,
        "SELECT ref, at FROM promotions ORDER BY at DESC",
    ),
    _view(
        "verdicts", "A run has judged whether a version is as its checks want it.",
        """
        run  text    the run
        uuid text    the version
        ref  text    what people call it
        at   text    when
        ok   integer 1 or 0; null where it was promoted without checks
        """,
        "SELECT ref, at FROM verdicts WHERE ok = 0",
    ),
)  # fmt: skip


def page() -> str:
    """``docs/sql.md``."""
    return _PAGE + "".join(_section(view) for view in VIEWS)


_PAGE = """# The index in SQL

`mmreg sql QUERY` asks the index what no other command answers. The views below are the same over SQLite and PostgreSQL,
and stay as they are from release to release; the tables behind them do not. Nothing can be written: over SQLite the
file is opened for reading and only these views can be read, on PostgreSQL the transaction is read-only.

```
mmreg sql "SELECT name, rows FROM datasets ORDER BY rows DESC" --limit 3
mmreg sql - --format csv < question.sql > answer.csv
mmreg sql                                    # the views and their columns, as below
```

| option | |
|---|---|
| `--format table` | `table` (wide rows as blocks), `json` (as `--json`), `jsonl` or `csv` (null is empty) |
| `--limit N` | at most so many rows; rows are written as they are read, however many |
| `--timeout SECONDS` | 60 by default; then the query is stopped with exit status 2, as by Ctrl-C with 130 |

In Python `registry.sql(QUERY)` gives `columns` and `rows`. What is wrong with a query is shown with line and column.
The dialect is the database's own: JSON columns are read by `json_extract(facts, '$.rows')` over SQLite and by
`facts::json ->> 'rows'` on PostgreSQL.

`json` is text that holds JSON (what is no number in JSON, NaN or infinity, is null in it). Times are text in ISO 8601,
UTC, so that their order as text is their order in time; yes and no are the integers 1 and 0. A version is its `uuid`, a
model its `digest`, a run its `id`: these join the views.
"""


def _section(view: View) -> str:
    rows = "".join(f"| `{column.name}` | {column.type} | {column.meaning} |\n" for column in view.columns)
    example = f"```sql\n{view.example}\n```"
    return f"\n## {view.name}\n\n{view.meaning}\n\n{example}\n\n| column | type | |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    print(page(), end="")
