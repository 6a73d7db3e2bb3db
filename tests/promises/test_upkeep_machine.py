"""Any sequence of everything that people do to a lake, with clean-up between, beside dictionaries that say what must
be there: no version that something needs is lost, no run ever, and clean-up does what it said.

MMREG_STEPS says how many steps are taken, by default a few.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mmreg.curation.apply import apply
from mmreg.curation.drop import drop
from mmreg.errors import NotFound
from mmreg.registry.api import Registry
from mmreg.registry.gc import gc
from mmreg.registry.gc.plan import plan
from mmreg.registry.init import init_project
from mmreg.registry.read import Reader
from mmreg.registry.runs import archive, iter_runs, merge
from mmreg.schemas.run import Run

STEPS = int(os.environ.get("MMREG_STEPS", "60"))
A_LIFE = 40
DAY_S = 86_400
KEEP_DAYS = 30

DECLARATION = """
version: 1
project: upkeep
lake: lake
retention: {{keep_days: {days}, keep_versions: {versions}}}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [name]
    columns: {{name: {{type: string}}, text: {{type: text}}{more}}}
passes:
  stats: {{from: notes, use: text_stats, inputs: {{text: text}}}}
  keep:  {{from: notes, into: kept, use: filter, where: "n_chars >= {least}"}}
  parts: {{from: kept, into: parted, use: split, params: {{test: 0.5, seed: {seed}}}}}
"""

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
TEXTS = st.text("xyz ", min_size=1, max_size=6)


@dataclass(frozen=True)
class Known:
    """A version as it was when it was first seen: where it lies, what it refers to, its rows."""

    ref: str
    place: tuple[str, int]
    roots: tuple[tuple[str, int], ...]
    rows: dict[bytes, dict[str, Any]]


def test_no_needed_version_and_no_run_is_ever_lost(tmp_path: Path, rows: Callable[..., Any]) -> None:
    numbers = count()
    taken = {"steps": 0, "clean-ups": 0, "removed": 0, "read back": 0}

    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.numbers = count()
            self.folder = tmp_path / f"project{next(numbers)}"
            self.folder.mkdir()
            self.texts: dict[str, str] = {}
            self.least, self.seed, self.extra, self.versions = 3, 0, False, 1
            self.known: dict[str, Known] = {}
            self.runs: dict[str, Run] = {}
            self.promoted: dict[str, str] = {}
            self.needed: set[str] = set()
            """By uuid: tagged by a person, trained or evaluated on."""
            self.holds: dict[str, AbstractContextManager[Reader]] = {}
            self.removed: set[str] = set()
            self.declare()
            init_project(self.folder)

        # What people do

        @invariant()
        def step(self) -> None:
            taken["steps"] += 1

        @initialize()
        def begin(self) -> None:
            self.add_or_change({"a": "xyz", "b": "xyzxyz", "c": "x"})

        @rule(new=st.dictionaries(NAMES, TEXTS, min_size=1))
        def add_or_change(self, new: dict[str, str]) -> None:
            self.texts |= new
            self.apply()

        @precondition(lambda self: self.texts)
        @rule(data=st.data())
        def remove(self, data: st.DataObject) -> None:
            del self.texts[data.draw(st.sampled_from(sorted(self.texts)))]
            self.apply()

        @rule(least=st.integers(1, 5), seed=st.integers(0, 1))
        def choose_differently(self, least: int, seed: int) -> None:
            self.least, self.seed = least, seed
            self.declare()
            self.apply()

        @rule(versions=st.integers(1, 3))
        def declare_retention(self, versions: int) -> None:
            self.versions = versions
            self.declare()

        def apply(self) -> None:
            self.source()
            apply(self.open())
            self.look()

        @rule(step=st.sampled_from(["notes", "stats", "keep", "parts"]))
        def apply_one(self, step: str) -> None:
            self.source()
            apply(self.open(), [step])
            self.look()

        @precondition(lambda self: not self.extra)
        @rule()
        def declare_a_column(self) -> None:
            self.extra = True
            self.declare()

        @precondition(lambda self: self.extra)
        @rule()
        def drop_a_column(self) -> None:
            self.extra = False
            self.declare()
            registry = self.open()
            if registry.exists("notes") and "more" in registry.open_version("notes@latest").schema.names:
                drop(registry, "notes:more")
                self.look()

        @precondition(lambda self: self.there())
        @rule(data=st.data())
        def promote(self, data: st.DataObject) -> None:
            uuid = data.draw(st.sampled_from(self.there()))
            assert self.open().promote(self.known[uuid].ref).ok
            self.promoted[self.known[uuid].place[0]] = uuid
            self.look()

        @precondition(lambda self: self.there())
        @rule(data=st.data())
        def tag(self, data: st.DataObject) -> None:
            uuid = data.draw(st.sampled_from(self.there()))
            dataset, lance_version = self.known[uuid].place
            self.open().lake.table(dataset).tags.create(f"paper-{next(self.numbers)}", lance_version)
            self.needed.add(uuid)

        @precondition(lambda self: self.there())
        @rule(data=st.data(), how=st.sampled_from(["train", "fail", "evaluate"]))
        def use(self, data: st.DataObject, how: str) -> None:
            uuid = data.draw(st.sampled_from(self.there()))
            weights = self.folder / "weights.bin"
            weights.write_bytes(b"weights %d" % next(self.numbers))
            registry = self.open()
            if how == "fail":
                with pytest.raises(ArithmeticError), registry.training("scorer", [self.known[uuid].ref]):
                    raise ArithmeticError("the loss is NaN")
            elif how == "train":
                registry.train_record("scorer", [self.known[uuid].ref], weights)
            else:
                registry.model_add(weights, "scorer")
                registry.eval_record("scorer", self.known[uuid].ref, {"accuracy": 0.5})
            if how != "fail":
                self.needed.add(uuid)
            self.look()

        @precondition(lambda self: self.there() and len(self.holds) < 3)
        @rule(data=st.data())
        def begin_to_read(self, data: st.DataObject) -> None:
            uuid = data.draw(st.sampled_from(self.there()))
            if uuid not in self.holds:
                self.holds[uuid] = self.open().open_version(self.known[uuid].ref).held()
                self.holds[uuid].__enter__()

        @precondition(lambda self: self.holds)
        @rule(data=st.data())
        def end_to_read(self, data: st.DataObject) -> None:
            self.holds.pop(data.draw(st.sampled_from(sorted(self.holds)))).__exit__(None, None, None)

        @rule()
        def compact(self) -> None:
            assert not self.open().compact().failures
            self.look()

        @rule(keep=st.integers(0, 3))
        def archive(self, keep: int) -> None:
            archive(self.open().lake.store, keep)
            self.look()

        @rule()
        def doctor(self) -> None:
            assert self.open().doctor().ok
            self.look()

        @rule(rebuilt=st.booleans())
        def lose_the_index(self, rebuilt: bool) -> None:
            if rebuilt:
                assert self.open().rebuild() == len(self.runs)
            else:
                shutil.rmtree(self.folder / ".mmreg", ignore_errors=True)
            self.look()

        @rule()
        def move_to_a_copy_of_the_lake(self) -> None:
            self.let_go()
            elsewhere = tmp_path / f"project{next(numbers)}"
            shutil.copytree(self.folder, elsewhere, ignore=shutil.ignore_patterns(".mmreg"))
            shutil.rmtree(self.folder)
            self.folder = elsewhere
            self.look()

        @rule(
            only=st.sampled_from([None, None, None, "notes", "kept", "parted"]),
            late=st.sampled_from([True, True, False]),
        )
        def clean_up(self, only: str | None, late: bool) -> None:
            registry = self.open()
            if only is not None and only not in registry.lake.datasets():
                return
            at = time.time() + (2 * KEEP_DAYS * DAY_S if late else 0)
            expected = self.still_needed(only, late)
            asked = gc(self.open(), only, at=at)
            before = self.tables()
            runs = set(self.runs)
            done = gc(self.open(), only, apply=True, at=at)
            assert replace(done, applied=False, runs=()) == asked
            assert {version.uuid for version in done.versions if version.keep} == expected
            assert sum(before[name] for name in before.keys() - self.tables().keys()) == done.frees_bytes
            self.removed |= {version.uuid for version in done.versions if not version.keep}
            self.look()
            assert set(self.runs) == runs | set(done.runs)
            self.check()
            again = plan(self.open(), only, at).report
            assert (again.removed, again.frees_bytes) == (0, 0)
            taken["clean-ups"] += 1
            taken["removed"] += done.removed

        # What must hold

        def still_needed(self, only: str | None, late: bool) -> set[str]:
            """What clean-up has to keep, of the dataset that it is for."""
            by_place = {self.known[uuid].place: uuid for uuid in self.there()}
            kept = {*self.needed, *self.holds, *self.promoted.values()}
            for name in {place[0] for place in by_place}:
                history = sorted((place[1] for place in by_place if place[0] == name), reverse=True)
                kept |= {by_place[name, number] for number in history[: self.versions if late else None]}
            pinning = kept | {uuid for uuid in self.there() if only is not None and self.known[uuid].place[0] != only}
            kept |= {by_place[place] for uuid in pinning for place in (*self.known[uuid].roots, *self.read_by_holds())}
            return {uuid for uuid in kept if only in (None, self.known[uuid].place[0])}

        def read_by_holds(self) -> list[tuple[str, int]]:
            return [place for uuid in self.holds for place in (self.known[uuid].place, *self.known[uuid].roots)]

        def look(self) -> None:
            """Remember what is new, and see that no run is lost or says something else."""
            registry = self.open()
            runs = {run.id: run for run in registry.runs()}
            assert runs.keys() >= self.runs.keys()
            for id, run in self.runs.items():
                assert merge(run, runs[id]).to_json() == runs[id].to_json()
            assert {run.id for run in iter_runs(registry.lake.store)} == runs.keys()
            self.runs = runs
            for summary in registry.ls():
                for row in registry.catalog.versions(summary.name):
                    assert bool(row.removed_by) == (row.uuid in self.removed)
                    if row.uuid not in self.known:
                        roots = tuple((root["dataset"], root["lance_version"]) for root in row.roots)
                        place = (row.dataset, row.lance_version)
                        self.known[row.uuid] = Known(row.ref, place, roots, rows(registry, row.ref))

        def check(self) -> None:
            """Every version reads back as it was, or is gone from the disk and says so."""
            registry = self.open()
            for uuid, version in self.known.items():
                dataset, lance_version = version.place
                if uuid in self.removed:
                    assert lance_version not in registry.lake.versions_on_disk(dataset)
                    with pytest.raises(NotFound, match="was removed from the lake by run"):
                        registry.open_version(version.ref)
                    assert registry.lineage(version.ref, "up").nodes
                else:
                    assert rows(registry, version.ref) == version.rows
                    taken["read back"] += 1

        def teardown(self) -> None:
            self.let_go()
            self.clean_up(None, True)
            assert self.open().doctor().ok
            shutil.rmtree(self.folder)

        # How it is done

        def there(self) -> list[str]:
            return [uuid for uuid in self.known if uuid not in self.removed]

        def tables(self) -> dict[str, int]:
            """The files of the tables but their tags, with their sizes."""
            lake = self.folder / "lake"
            files = [file for file in lake.glob("*.lance/**/*") if file.is_file() and "_refs" not in file.parts]
            return {str(file.relative_to(lake)): file.stat().st_size for file in files}

        def let_go(self) -> None:
            while self.holds:
                self.holds.popitem()[1].__exit__(None, None, None)

        def declare(self) -> None:
            more = ", more: {type: int, nullable: true}" if self.extra else ""
            said = {"least": self.least, "seed": self.seed, "more": more, "versions": self.versions, "days": KEEP_DAYS}
            (self.folder / "mmreg.yaml").write_text(DECLARATION.format(**said))

        def source(self) -> None:
            lines = [json.dumps({"name": name, "text": text}) + "\n" for name, text in self.texts.items()]
            (self.folder / "notes.jsonl").write_text("".join(lines))

        def open(self) -> Registry:
            return Registry.open(self.folder)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=max(3, STEPS // A_LIFE),
            stateful_step_count=min(A_LIFE, STEPS // 3),
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(", ".join(f"{number:,} {what}" for what, number in taken.items()))
