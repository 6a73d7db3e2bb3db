"""Whatever was done in whatever order: the lake alone knows it, and a copy of it tells the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from mmreg.registry.runs import archive

NAMES = st.sampled_from(["a", "b", "c", "d"])
CAPTIONS = st.sampled_from(["one", "two words", "three short words", None])
MODELS = st.sampled_from(["scorer", "captioner"])


def test_a_copied_lake_rebuilds_to_the_same_answers(project: Callable[..., Any], answers: Callable[..., Any]) -> None:
    numbers = count()

    class Life(RuleBasedStateMachine):
        """A project and what its owner may do. After each thing, a copy of the lake is asked the same questions."""

        def __init__(self) -> None:
            super().__init__()
            self.made = project(images=0, name=f"life{next(numbers)}")
            self.captions: dict[str, str | None] = {}
            self.weights = count()

        @rule(name=NAMES, caption=CAPTIONS, seed=st.integers(0, 3))
        def draw(self, name: str, caption: str | None, seed: int) -> None:
            self.made.draw(name, caption, seed)
            self.captions[name] = caption

        @precondition(lambda self: self.captions)
        @rule(data=st.data())
        def erase(self, data: st.DataObject) -> None:
            name = data.draw(st.sampled_from(sorted(self.captions)))
            self.made.erase(name)
            del self.captions[name]

        @rule()
        def apply(self) -> None:
            self.made.apply()
            registry = self.made.open()
            if self.captions or registry.ls():
                source = registry.query("pairs@latest", columns=["caption"])
                there = sorted(row["caption"] or "" for row in source)
                assert there == sorted(caption or "" for caption in self.captions.values())
            versions = {summary.name: summary.versions for summary in registry.ls()}
            self.made.apply()
            assert {summary.name: summary.versions for summary in self.made.open().ls()} == versions
            self.check()

        @rule(step=st.sampled_from(["pairs", "light", "words", "keep", "parts", "grade"]))
        def apply_one(self, step: str) -> None:
            self.made.apply(step)
            self.check()

        @precondition(lambda self: self.datasets())
        @rule(data=st.data())
        def promote(self, data: st.DataObject) -> None:
            name = data.draw(st.sampled_from(self.datasets()))
            entry = data.draw(st.sampled_from(self.made.open().log(name)))
            self.made.open().promote(entry.ref)
            self.check()

        @rule(name=MODELS, new=st.booleans(), alias=st.sampled_from([None, "best", "last"]))
        def model_add(self, name: str, new: bool, alias: str | None) -> None:
            self.made.open().model_add(self.checkpoint(new), name, alias=alias)
            self.check()

        @precondition(lambda self: self.models())
        @rule(data=st.data(), alias=st.sampled_from(["best", "last"]))
        def model_alias(self, data: st.DataObject, alias: str) -> None:
            self.made.open().model_alias(data.draw(st.sampled_from(self.models())), alias)
            self.check()

        @precondition(lambda self: self.datasets())
        @rule(data=st.data(), name=MODELS, new=st.booleans())
        def train(self, data: st.DataObject, name: str, new: bool) -> None:
            dataset = data.draw(st.sampled_from(self.datasets()))
            self.made.open().train_record("by hand", [dataset], self.checkpoint(new), model=name, alias="trained")
            self.check()

        @precondition(lambda self: self.datasets() and self.models())
        @rule(data=st.data(), score=st.floats(0, 1))
        def evaluate(self, data: st.DataObject, score: float) -> None:
            model = data.draw(st.sampled_from(self.models()))
            dataset = data.draw(st.sampled_from(self.datasets()))
            self.made.open().eval_record(model, dataset, {"accuracy": score})
            self.check()

        @rule(keep=st.integers(0, 3))
        def archive(self, keep: int) -> None:
            archive(self.made.open().lake.store, keep)
            self.check()

        @rule()
        def lose_the_index(self) -> None:
            shutil.rmtree(self.made.folder / ".mmreg", ignore_errors=True)
            self.check()

        def check(self, *, reading: bool = False) -> None:
            elsewhere = self.made.folder.with_name("elsewhere")
            elsewhere.mkdir()
            shutil.copytree(self.made.folder / "lake", elsewhere / "lake")
            for file in ("mmreg.yaml", "counted.py"):
                shutil.copy(self.made.folder / file, elsewhere)
            copied = type(self.made)(elsewhere)
            copied.open().rebuild()
            assert answers(copied.open(), reading=reading) == answers(self.made.open(), reading=reading)
            shutil.rmtree(elsewhere)

        def teardown(self) -> None:
            self.check(reading=True)
            assert self.made.open().doctor().findings == ()
            shutil.rmtree(self.made.folder)

        def checkpoint(self, new: bool) -> Path:
            file: Path = self.made.folder / "weights.bin"
            if new or not file.exists():
                file.write_bytes(b"weights %d" % next(self.weights))
            return file

        def datasets(self) -> list[str]:
            return [summary.name for summary in self.made.open().ls()]

        def models(self) -> list[str]:
            return sorted({f"{model.name}@{model.digest[:12]}" for model in self.made.open().models()})

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
