"""`mmreg sql` and `mmreg cost`, as they are typed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from mmreg.cli.main import main
from mmreg.schemas.views import VIEWS

if TYPE_CHECKING:
    from tests.cli.conftest import Place


def test_an_answer_in_each_format(applied: Place) -> None:
    query = "SELECT ref, job, rows FROM versions WHERE dataset = 'pairs' ORDER BY ordinal"
    rows = applied.json("sql", query)
    assert rows == [{"ref": "pairs@v1", "job": "pairs", "rows": 6}, {"ref": "pairs@v2", "job": "stats", "rows": 6}]
    assert applied.text("sql", query).splitlines()[0].split() == ["ref", "job", "rows"]
    lines = applied.text("sql", query, "--format", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert json.loads(applied.text("sql", query, "--format", "json")) == rows
    table = list(csv.DictReader(io.StringIO(applied.text("sql", query, "--format", "csv"))))
    assert table == [{name: str(value) for name, value in row.items()} for row in rows]
    assert applied.json("sql", query, "--limit", "1") == rows[:1]
    assert applied.text("sql", f"{query} DESC", "--format", "csv", "--limit", "0").splitlines() == ["ref,job,rows"]


def test_without_a_query_the_views_are_listed(applied: Place) -> None:
    text = applied.text("sql")
    assert all(view.name in text and view.meaning in text for view in VIEWS)
    assert [view["name"] for view in applied.json("sql")] == [view.name for view in VIEWS]


def test_a_query_comes_from_standard_input(applied: Place) -> None:
    result = CliRunner().invoke(main, ["-C", str(applied.folder), "sql", "-", "--json"], input="SELECT 1 AS one\n")
    assert json.loads(result.stdout) == [{"one": 1}]


def test_what_is_asked_for_wrongly_ends_with_2_and_its_place(applied: Place) -> None:
    result = applied.call("sql", "SELECT ref\nFROM version5")
    assert result.exit_code == 2
    assert "line 2, column 6" in result.stderr and "did you mean 'versions'?" in result.stderr
    assert result.stderr.splitlines()[1:3] == ["  FROM version5", "       ^"]
    assert applied.call("sql", "DELETE FROM run").exit_code == 2


def test_what_was_recorded_cannot_steer_a_terminal(applied: Place) -> None:
    for form in ("table", "json", "jsonl", "csv"):
        text = applied.text("sql", "SELECT char(27) || '[2J' || char(8238) AS hostile", "--format", form)
        assert "\x1b" not in text and "\u202e" not in text


def test_cost_tells_the_jobs_and_what_nobody_counted(applied: Place) -> None:
    text = applied.text("cost", "train")
    assert "train@v1  3 runs, each counted once" in text
    assert "pass stats > pairs@v2 > select keep > train@v1" in text
    assert "Counted by nobody: CPU time of 3 runs." in text
    answer = applied.json("cost", "train", "--by", "dataset")
    assert {line["name"]: line["runs"] for line in answer["lines"]} == {"pairs": 2, "train": 1}
    assert answer["total"]["amounts"]["seconds"]["known"] == 3
    assert applied.text("cost", "source:images") == "images  0 runs, each counted once\n"
    assert applied.call("cost", "nothing").exit_code == 3


@pytest.mark.parametrize("words", [["cost", "train"], ["sql", "SELECT * FROM edges"]])
def test_neither_loads_a_library(applied: Place, words: list[str]) -> None:
    applied.text("ls")  # the index is there
    script = (
        "import sys\nfrom mmreg.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([n for n in ('lance', 'pyarrow', 'pydantic', 'sqlalchemy', 'mlflow') if n in sys.modules])"
    )
    command = [sys.executable, "-c", script, "-C", str(applied.folder), *words, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
