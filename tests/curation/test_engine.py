"""The engine: what it yields, what it stages, how it ends; and a pass that is interrupted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mmreg.curation import engine
from mmreg.curation.engine import LocalEngine, Portion, read_ahead
from mmreg.registry.lake import Lake
from mmreg.registry.stage import Stage
from mmreg.schemas.run import RunState


def portion(number: int, size: int = 8) -> Portion:
    batch = pa.record_batch({"text": pa.array(["x" * size])})
    return Portion(np.array([number], np.uint64), np.zeros(1, np.int64), np.zeros(1, np.uint64), batch)


def answer(asked: Portion) -> pa.RecordBatch:
    return pa.record_batch({"_rowid": pa.array(asked.row_ids), "made": pa.array([int(asked.row_ids[0]) * 2])})


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(Lake.create(str(tmp_path / "lake"), {}).store, "texts", "twice", 1)


def staged(stage: Stage, rows: int) -> list[int]:
    found = stage.read(np.arange(rows, dtype=np.uint64))
    return [] if found is None else found["_rowid"].to_pylist()


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mmreg-reader"]


def test_everything_is_answered_in_order_and_staged(stage: Stage) -> None:
    found = list(LocalEngine(stage).compute(map(portion, range(20)), answer))
    assert [int(asked.row_ids[0]) for asked, _ in found] == list(range(20))
    assert [made.column("made")[0].as_py() for _, made in found] == list(range(0, 40, 2))
    assert staged(stage, 20) == list(range(20))
    assert readers() == []


def test_nothing_to_compute_is_nothing(stage: Stage) -> None:
    assert list(LocalEngine(stage).compute([], answer)) == []
    assert stage.is_empty()


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_an_answer_that_raises_loses_nothing_before_it(stage: Stage, error: BaseException) -> None:
    def breaks(asked: Portion) -> pa.RecordBatch:
        if asked.row_ids[0] == 7:
            raise error
        return answer(asked)

    with pytest.raises(type(error)):
        list(LocalEngine(stage).compute(map(portion, range(1_000_000)), breaks))
    assert staged(stage, 20) == list(range(7))
    assert readers() == []


def test_reading_that_fails_is_told_after_what_was_read(stage: Stage) -> None:
    def broken() -> Iterator[Portion]:
        yield from map(portion, range(3))
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(LocalEngine(stage).compute(broken(), answer))
    assert staged(stage, 20) == [0, 1, 2]
    assert readers() == []


def test_closed_half_way_it_keeps_what_it_has(stage: Stage) -> None:
    with closing(LocalEngine(stage).compute(map(portion, range(1_000_000)), answer)) as results:
        for asked, _ in results:
            if asked.row_ids[0] == 4:
                break
    assert staged(stage, 20) == list(range(5))
    assert readers() == []


def test_no_more_is_read_ahead_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is read waits in memory; a portion larger than all that may wait still comes through."""
    monkeypatch.setattr(engine, "AHEAD_BYTES", 1000)
    read: list[int] = []

    def source(size: int) -> Iterator[Portion]:
        for number in range(30):
            read.append(number)
            yield portion(number, size)

    taken = 0
    for _ in read_ahead(source(100)):
        taken += 1
        assert len(read) - taken <= 10 + 1
    assert taken == 30
    assert len(list(read_ahead(source(5000)))) == 30


def test_reading_and_calling_overlap() -> None:
    """The second portion is read while the first one is called: each waits for the other to have begun."""
    called, read = threading.Event(), threading.Event()

    def source() -> Iterator[Portion]:
        yield portion(0)
        assert called.wait(10)
        read.set()
        yield portion(1)

    for number, _ in enumerate(read_ahead(source())):
        if number == 0:
            called.set()
            assert read.wait(10)


DECLARATION = """
version: 1
project: slow
lake: {lake}
datasets:
  texts:
    source: {{type: jsonl, path: texts.jsonl}}
    columns:
      text: {{type: text}}
passes:
  size: {{from: texts, use: "slow:Size", inputs: {{text: text}}}}
"""

SLOW = '''
import pathlib
import time

import pyarrow as pa

HERE = pathlib.Path(__file__).parent


class Size:
    """Says that it was called; the third call takes as long as there is a file ``wait``."""

    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}
    batch_rows = 1

    def __init__(self, recipe):
        self.calls = 0

    def outputs(self):
        return pa.schema([("size", pa.int32())])

    def open(self):
        pass

    def __call__(self, batch):
        (text,) = batch.column("text").to_pylist()
        self.calls += 1
        if self.calls == 3 and (HERE / "wait").exists():
            print("waiting", flush=True)
            while (HERE / "wait").exists():
                time.sleep(0.01)
        with (HERE / "calls.log").open("a") as file:
            file.write(text + "\\n")
        return pa.record_batch({"size": pa.array([len(text)], pa.int32())})
'''


def test_interrupted_it_keeps_what_is_done_says_how_to_go_on_and_exits_130(project: Callable[..., Any]) -> None:
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "slow.py").write_text(SLOW)
    (small.folder / "texts.jsonl").write_text("".join(f'{{"text": "{"x" * n}"}}\n' for n in range(1, 7)))
    small.apply("texts")
    (small.folder / "wait").touch()
    started = subprocess.Popen(
        [sys.executable, "-m", "mmreg", "apply", "size"],
        cwd=small.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "waiting\n"
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130, said
    assert "pass size: stopped; 2 rows are kept, mmreg apply size goes on" in said
    assert "Traceback" not in said and "bug" not in said
    assert re.search(r"^mmreg: interrupted", said, re.MULTILINE)
    assert small.calls() == ["x", "xx"]
    (stopped,) = small.open().catalog.runs("pass", "size")
    assert stopped.state is RunState.ABORTED and stopped.facets["pass"]["cost"]["calls"] == 3
    (small.folder / "wait").unlink()
    (step,) = small.apply("size").steps
    assert (step.computed, small.calls()) == (4, ["x" * n for n in range(1, 7)])
    assert small.open().doctor().findings == ()
