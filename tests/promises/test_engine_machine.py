"""Any sequence of what people do to a dataset, beside a plain dictionary that says what must be there.

Rows come, change and go; recipes and thresholds change; others write with plain Lance; processes are killed and the
index is lost. After every run each cell is what the recipe makes of its text, every row that fulfils the predicate is
selected and no other, and no text was computed that had not changed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import lance
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project

DECLARATION = """
version: 1
project: machine
lake: lake
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [name]
    columns:
      name: {{type: string}}
      text: {{type: text}}
passes:
  length: {{from: notes, use: "noted_length:Length", inputs: {{text: text}}, params: {{add: {add}}}}}
  keep:   {{from: notes, into: kept, use: filter, where: "n >= {least}"}}
checks:
  notes:
    - {{check: lineage.single_generation, column: n}}
"""

LENGTH = """
import os
import pathlib

import pyarrow as pa


class Length:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.add = recipe.params["add"]

    def outputs(self):
        return pa.schema([("n", pa.int64())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch["text"].to_pylist()
        # Asked each time: in the process of the test this module serves several projects.
        with pathlib.Path(os.environ["CALLS"]).open("a") as calls:
            calls.writelines(text + "\\n" for text in texts)
        return pa.record_batch({"n": [len(text) + self.add for text in texts]})
"""

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
TEXTS = st.text("xyz", min_size=1, max_size=6)


def test_the_engine_agrees_with_a_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, calls = count(), tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(calls))
    monkeypatch.setattr(sys, "path", [*sys.path])

    class Life(RuleBasedStateMachine):
        """``texts`` is what the source says; ``seen`` all that each published cell may have been made from.

        A run that was killed may have published or not; None: no cell, or one that somebody else wrote.
        """

        def __init__(self) -> None:
            super().__init__()
            self.folder = tmp_path / f"project{next(numbers)}"
            self.folder.mkdir()
            calls.write_text("")
            (self.folder / "noted_length.py").write_text(LENGTH)
            self.texts: dict[str, str] = {}
            self.seen: dict[str, set[tuple[str, int] | None]] = {}
            self.pending: set[str] = set()
            self.add, self.least, self.before = 0, 3, 0
            self.declare()
            init_project(self.folder)

        @rule(name=NAMES, text=TEXTS)
        def append_or_edit(self, name: str, text: str) -> None:
            self.texts[name] = text

        @precondition(lambda self: self.texts)
        @rule(data=st.data())
        def remove(self, data: st.DataObject) -> None:
            del self.texts[data.draw(st.sampled_from(sorted(self.texts)))]

        @rule(add=st.integers(0, 2))
        def change_the_recipe(self, add: int) -> None:
            self.add = add
            self.declare()

        @rule(least=st.integers(1, 7))
        def change_the_threshold(self, least: int) -> None:
            self.least = least
            self.declare()

        @precondition(lambda self: self.settled())
        @rule(data=st.data())
        def write_over_a_cell(self, data: st.DataObject) -> None:
            name = data.draw(st.sampled_from(self.settled()))
            lance.dataset(str(self.folder / "lake" / "notes.lance")).update({"n": "-7"}, where=f"name = '{name}'")
            self.seen[name].add(None)
            reports = self.open().validate("notes@latest")
            assert not all(report.ok for report in reports), "a cell that somebody wrote over passes for the pass's"

        @rule()
        def lose_the_index(self) -> None:
            shutil.rmtree(self.folder / ".mmreg", ignore_errors=True)

        @rule(after=st.floats(0.4, 1.6))
        def run_and_be_killed(self, after: float) -> None:
            self.source()
            due = self.due()
            for name in due.keys() | self.seen.keys():
                self.seen.setdefault(name, {None}).add(due.get(name))
            process = subprocess.Popen([sys.executable, "-m", "mmreg", "apply", "-q"], cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            time.sleep(after)
            process.kill()
            process.wait()

        @rule()
        def run(self) -> None:
            self.source()
            apply(self.open())
            self.compare()

        def compare(self) -> None:
            due = self.due()
            assert set(self.asked()) <= self.pending, "computed again what was there"
            self.seen, self.pending = {name: {what} for name, what in due.items()}, set()
            registry = self.open()
            rows = {row["name"]: row["n"] for row in registry.query("notes@latest")} if self.exists("notes") else {}
            assert rows == {name: len(text) + add for name, (text, add) in due.items()}
            kept = {row["name"] for row in registry.query("kept@latest")} if self.exists("kept") else set()
            assert kept == {name for name, n in rows.items() if n >= self.least}
            if rows:
                assert all(report.ok for report in registry.validate("notes@latest"))
            self.before = self.written()
            apply(self.open())
            assert (self.asked(), self.written()) == ([], self.before), "a second run had something to do"
            assert self.open().doctor().findings == ()

        def teardown(self) -> None:
            self.run()
            shutil.rmtree(self.folder)

        def settled(self) -> list[str]:
            """Names whose cells are there and can only be of one kind."""
            return sorted(name for name, whats in self.seen.items() if len(whats) == 1 and None not in whats)

        def due(self) -> dict[str, tuple[str, int]]:
            """What each cell is to be made from, noted as pending where it may be made from something else."""
            due = {name: (text, self.add) for name, text in self.texts.items()}
            self.pending |= {what[0] for name, what in due.items() if self.seen.get(name) != {what}}
            return due

        def declare(self) -> None:
            (self.folder / "mmreg.yaml").write_text(DECLARATION.format(add=self.add, least=self.least))

        def source(self) -> None:
            lines = [json.dumps({"name": name, "text": text}) + "\n" for name, text in self.texts.items()]
            (self.folder / "notes.jsonl").write_text("".join(lines))

        def open(self) -> Registry:
            return Registry.open(self.folder)

        def exists(self, dataset: str) -> bool:
            return self.open().exists(dataset)

        def asked(self) -> list[str]:
            """Texts that the pass was called with since the last look."""
            asked = calls.read_text().splitlines()
            calls.write_text("")
            return asked

        def written(self) -> int:
            return sum(summary.versions for summary in self.open().ls())

    run_state_machine_as_test(
        Life,
        # A failing life is printed as it was: making one shorter that starts processes takes minutes.
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    sys.modules.pop("noted_length", None)
