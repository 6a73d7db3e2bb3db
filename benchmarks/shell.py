"""From the shell: `mmreg --help`, `ls` and `lineage` at a million edges, beside click and sqlite3 alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from big_index import build
from measure import Comparison, Work, compare, measure
from report import options, ratio, show

CALLS = 5

BARE_HELP = "import click; click.command(lambda: None)(['--help'])"
BARE_LS = """
import click, sqlite3
@click.command()
@click.argument("path")
def ls(path):
    db = sqlite3.connect(path)
    for row in db.execute("SELECT dataset, count(*), max(ordinal) FROM version GROUP BY dataset ORDER BY dataset"):
        click.echo("  ".join(map(str, row)))
ls()
"""
BARE_LINEAGE = """
import click, json, sqlite3
@click.command()
@click.argument("path")
@click.argument("dataset")
@click.argument("ordinal")
def up(path, dataset, ordinal):
    db = sqlite3.connect(path)
    closure = (
        "WITH RECURSIVE r (number) AS (SELECT n.number FROM version v JOIN node n ON n.id = 'version:' || v.uuid"
        " WHERE v.dataset = ? AND v.ordinal = ?"
        " UNION SELECT e.source FROM r JOIN edge e ON e.target = r.number) "
    )
    nodes = "SELECT n.id, n.kind, n.name, n.ref, n.facts FROM r CROSS JOIN node n ON n.number = r.number"
    edges = (
        "SELECT s.id, t.id, e.kind FROM r CROSS JOIN edge e ON e.target = r.number"
        " JOIN node s ON s.number = e.source JOIN node t ON t.number = e.target"
    )
    found = {name: db.execute(closure + part, (dataset, ordinal)).fetchall()
             for name, part in {"nodes": nodes, "edges": edges}.items()}
    click.echo(json.dumps(found, indent=2))
up()
"""


def main() -> None:
    with options(__doc__, 1_000_000, "edges") as given:
        ref = measure(_build, given.work, given.size).value
        index = str(given.work / ".mmreg" / "catalog.db")
        dataset, _, ordinal = ref.partition("@v")
        here = ["-C", str(given.work)]
        show(
            given,
            [
                ratio("mmreg --help / import click", _beside([BARE_HELP], ["--help"]), 1.5),
                ratio("mmreg ls / click + sqlite3", _beside([BARE_LS, index], [*here, "ls"]), 2.5),
                ratio(
                    "mmreg lineage up --json / click + sqlite3",
                    _beside([BARE_LINEAGE, index, dataset, ordinal], [*here, "--json", "lineage", "up", ref]),
                    2.5,
                ),
                ratio(
                    "mmreg lineage up / click + sqlite3",
                    _beside([BARE_LINEAGE, index, dataset, ordinal], [*here, "lineage", "up", ref]),
                    2.5,
                ),
            ],
        )


def _beside(bare: Sequence[str], ours: Sequence[str]) -> Comparison:
    """A script and its arguments beside a call of ``mmreg``, ``CALLS`` times in turns."""
    commands = ["-c", *bare], ["-m", "mmreg", *ours]
    _call(commands[1])  # so that its byte code is there
    return compare(lambda: measure(_called, commands[0]), lambda: measure(_called, commands[1]), CALLS)


def _called(command: Sequence[str]) -> Work:
    return lambda: _call(command)


def _call(command: Sequence[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=environment)


def _build(folder: Path, edges: int) -> Work:
    return lambda: build(folder, edges)


if __name__ == "__main__":
    main()
