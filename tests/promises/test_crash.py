"""Killed at any file-system call, a lake is old or new; doctor and a second run make it what it would have been.

strace delivers SIGKILL as a thread enters its k-th call of a family; k rises until a run ends by itself. It counts
for each thread, so the families keep apart what Python (this project) and Rust (Lance) call under other names.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.curation.evolution import Evolutions, evolve
from mmreg.curation.graph import Step
from mmreg.registry.runs import archive

FAMILIES = ("link", "linkat", "rename,renameat,renameat2", "unlink,unlinkat", "pwrite64")
"""The last one is the index: only calls on its write-ahead log count. It has dozens, so k rises by ten."""
INDEX = ".mmreg/catalog.db-wal"
FLUSH_ROWS = 2

RUN = f"""
import ctypes, sys
import lance
from mmreg.curation import apply, engine, portions
from mmreg.registry import runs
from mmreg.registry.api import Registry

portions.BATCH_ROWS, engine.FLUSH_S = {FLUSH_ROWS}, 0.0  # every batch is a flush
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER: strace is no parent of this
print("ready", flush=True)
sys.stdin.readline()
verb, *names = sys.argv[1:]
registry = Registry.open(".")
if verb == "apply":
    apply.apply(registry, names)
elif verb == "archive":
    runs.archive(registry.lake.store)
else:
    getattr(registry, verb)(*names)
"""

Prepare = Callable[[Any], None]


def nothing(made: Any) -> None:
    """Only the source is there."""


def ingested(made: Any) -> None:
    made.apply("pairs")


def moved(made: Any) -> None:
    """A version with pass columns, and a source that has moved on: added, changed, removed."""
    made.apply("pairs", "light")
    made.draw("new", "a new picture")
    made.draw("other", "another new picture")
    made.draw("001", "another caption of it")
    made.erase("002")


def refillable(made: Any) -> None:
    moved(made)
    made.apply("pairs")


def worded(made: Any) -> None:
    made.apply("pairs", "words")


def selected(made: Any) -> None:
    made.apply("pairs", "words", "keep")


def renamed(made: Any) -> None:
    """Rows selected, and a declaration in which a column and a pass have other names."""
    selected(made)
    declare(
        made,
        ("caption: {type: text", "text: {renamed_from: caption, type: text"),
        ("{text: caption}", "{text: text}"),
        ("column: caption", "column: text"),
    )


def widened(made: Any) -> None:
    """Records, and a column added for what they have besides; null as yet."""
    file = made.folder / "records.jsonl"
    file.write_text("".join(json.dumps({"caption": f"word {n}", "more": n if n else None}) + "\n" for n in range(4)))
    declare(made, ("{type: imagefolder, path: images}", "{type: jsonl, path: records.jsonl}"),
            ("image: {type: image}", "more: {type: int, nullable: true}"))  # fmt: skip
    file = made.folder / "mmreg.yaml"
    wide = file.read_text().partition("  light:")[0] + f"  words:{file.read_text().partition('  words:')[2]}"
    wide = wide.partition("  parts:")[0]
    file.write_text(wide.replace("      more: {type: int, nullable: true}\n", ""))
    made.apply("pairs", "words")
    file.write_text(wide)
    found = Evolutions(made.open()).of(Step("ingest", "pairs"))
    assert found is not None
    evolve(made.open(), found)


def declare(made: Any, *changes: tuple[str, str]) -> None:
    file = made.folder / "mmreg.yaml"
    for old, new in changes:
        assert old in file.read_text(), old
        file.write_text(file.read_text().replace(old, new))


WINDOWS = {"run_object_missing", "index_behind"}  # between commit, run object and index

SCENES: dict[str, tuple[Prepare, tuple[str, ...], set[str]]] = {
    "a first ingest": (nothing, ("apply", "pairs"), {*WINDOWS, "lease_left"}),
    "an ingest of what moved": (moved, ("apply", "pairs"), {*WINDOWS, "lease_left"}),
    "a pass's first columns": (ingested, ("apply", "light"), {*WINDOWS, "lease_left"}),
    "a pass's refill": (refillable, ("apply", "light"), {*WINDOWS, "lease_left"}),
    "a selection": (worded, ("apply", "keep"), WINDOWS),
    "a pass over a selection": (selected, ("apply", "grade"), {*WINDOWS, "lease_left", "derived_behind"}),
    "a column renamed": (renamed, ("apply", "pairs"), {*WINDOWS, "lease_left", "derived_behind"}),
    "a new column filled": (widened, ("apply", "pairs"), {*WINDOWS, "lease_left"}),
    "a promotion": (selected, ("promote", "train"), {"index_behind"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    project: Callable[..., Any], rows: Callable[..., Any], tmp_path: Path, scene: str
) -> None:
    assert shutil.which("strace"), "this test needs strace: apt-get install strace"
    prepare, command, windows = SCENES[scene]
    before = project(images=4)
    prepare(before)
    undisturbed = before.copy(tmp_path / "undisturbed")
    run(undisturbed, *command)
    old, new = states(before, rows), states(undisturbed, rows)
    assert old != new

    found: set[str] = set()
    for kill, made in enumerate(crashes(before, tmp_path, command)):
        assert_readable(made, old, new)
        found |= {finding.code for finding in made.copy(tmp_path / "looked at").open().doctor().findings}
        shutil.rmtree(tmp_path / "looked at")
        if kill % 2:
            assert_mended(made)
        run(made, *command)
        assert states(made, rows) == new
        assert_mended(made)
        assert wasted(made, undisturbed) <= FLUSH_ROWS
    assert windows <= found, "not every window between two writes was met"


@pytest.mark.slow
def test_killed_while_archiving_no_run_is_lost(
    project: Callable[..., Any], answers: Callable[..., Any], tmp_path: Path
) -> None:
    assert shutil.which("strace"), "this test needs strace: apt-get install strace"
    before = project(images=2)
    before.apply()
    archive(before.open().lake.store, keep=2)
    told = answers(before.open())
    for made in crashes(before, tmp_path, ("archive",)):
        shutil.rmtree(made.folder / ".mmreg")
        assert answers(made.open()) == told
        assert_mended(made)
        archive(made.open().lake.store)
        assert answers(made.open()) == told


def crashes(before: Any, folder: Path, command: tuple[str, ...]) -> Iterator[Any]:
    """Copies of a project, each after the command was killed in it at another call."""
    for family in FAMILIES:
        for number in count(1):
            made = before.copy(folder / f"killed at {family} {number}")
            if not killed(made, family, number if family != "pwrite64" else 10 * number - 9, command):
                break
            yield made
            shutil.rmtree(made.folder)


def killed(made: Any, family: str, number: int, command: tuple[str, ...]) -> bool:
    """Run the command to be killed as a thread enters its call ``number`` of ``family``; False if it ended first."""
    process = made.python(RUN, *command)
    calls = ",".join(f"?{name}" for name in family.split(","))
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}"]
    inject += ["-P", str(made.folder / INDEX)] if family == "pwrite64" else []
    assert process.stdout.readline() == "ready\n", process.communicate()
    # Only now, when all is imported: watched by strace that takes as long again.
    strace = subprocess.Popen(
        ["strace", "-f", "-o", "/dev/null", "-p", str(process.pid), *inject], stderr=subprocess.PIPE, text=True
    )
    assert strace.stderr is not None and "attached" in (said := strace.stderr.readline()), said
    _, told = process.communicate("go\n")
    strace.communicate()
    assert process.returncode in (0, -signal.SIGKILL), told
    return bool(process.returncode)


def run(made: Any, verb: str, *names: str) -> None:
    if verb == "apply":
        made.apply(*names)
    else:
        getattr(made.open(), verb)(*names)


def states(made: Any, rows: Callable[..., Any]) -> dict[str, Any]:
    """What there is: for each dataset its rows with all columns, how many versions led there, what is promoted."""
    registry = made.open()
    datasets = registry.ls()
    return {
        "tables": {dataset.name: rows(registry, f"{dataset.name}@latest") for dataset in datasets},
        "versions": {dataset.name: dataset.versions for dataset in datasets},
        "current": {dataset.name: (dataset.current, dataset.promoted) for dataset in datasets},
    }


def assert_readable(made: Any, *allowed: dict[str, Any]) -> None:
    """Every table that was ever committed reads whole, by Lance alone, as one of the allowed states."""
    for table in (made.folder / "lake").glob("*.lance"):
        if any((table / "_versions").glob("*.manifest")):
            found = lance.dataset(str(table))
            found.validate()
            assert found.to_table().num_rows == found.count_rows()
            if "sample_id" in found.schema.names:
                whole = {row.pop("sample_id"): row for row in found.to_table().to_pylist()}
                assert whole in [state["tables"].get(table.stem) for state in allowed]


def assert_mended(made: Any) -> None:
    """Doctor mends everything, so that there is nothing the second time."""
    assert all(finding.fixed for finding in made.open().doctor().findings)
    assert made.open().doctor().findings == ()


def wasted(made: Any, undisturbed: Any) -> int:
    """Rows that a pass was called with again."""
    assert set(made.calls()) == set(undisturbed.calls())
    return len(made.calls()) - len(undisturbed.calls())
