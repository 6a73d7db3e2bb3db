"""Killed at any call that changes a disk or a store, a lake is old or new and can be mended; the verb works again.

Some calls of every verb; ``python tests/faults/crash_matrix.py`` takes all of them (docs/crashes.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import syscalls
from scenes import SCENES

MATRIX = Path(__file__).parents[1] / "faults" / "crash_matrix.py"
GROUPS = 4
ON_S3 = ["a pass over a selection", "a selection made again", "a promotion", "runs archived"]


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_killed_on_a_disk(tmp_path: Path, group: int) -> None:
    assert_all_well(matrix(tmp_path, "folder", list(SCENES)[group::GROUPS]))


@pytest.mark.slow
def test_killed_on_s3(tmp_path: Path) -> None:
    assert_all_well(matrix(tmp_path, "s3", ON_S3))


def matrix(folder: Path, store: str, scenes: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What came of about four kills of each scene: one in every family of calls."""
    file = folder / "kills.jsonl"
    chosen = [argument for scene in scenes for argument in ("--scene", scene)]
    command = [sys.executable, MATRIX, "--store", store, "--points", "4", "--json", file, *chosen]
    subprocess.run(command, check=True)
    kills = defaultdict(list)
    for line in file.read_text().splitlines():
        kill = json.loads(line)
        if kill["call"]:  # else it ended before
            kills[kill["scene"]].append(kill)
    assert set(kills) == set(scenes), "a verb was never killed"
    return kills


def assert_all_well(kills: dict[str, list[dict[str, Any]]]) -> None:
    assert not [kill for scene in kills.values() for kill in scene if kill.get("error")]
    assert len({kill["outcome"] for scene in kills.values() for kill in scene}) >= 2, "all killed in one place"


def test_a_process_dies_at_the_call_that_it_is_told(tmp_path: Path) -> None:
    """Also where threads make the calls, and a child that fails says why."""
    script = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from syscalls import watched

folder = Path(sys.argv[1])

def turn(number):
    (folder / f"{number}.new").write_text("")
    (folder / f"{number}.new").rename(folder / f"{number}.here")

def run():
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(turn, range(9)))
    (folder / "0.here").hardlink_to(folder / "1.here") if len(sys.argv) > 2 else None

for at in range(1, 10):
    told = watched(run, folder, at)
    assert told.killed and len(told.calls) == at and told.calls[-1].family == "rename", told
    assert len(list(folder.glob("*.here"))) == at - 1, at
    [file.unlink() for file in folder.iterdir()]
told = watched(run, folder)
assert not told.killed and len(told.calls) == 9 and told.error is None
sys.argv.append("fail")
told = watched(run, folder)
assert not told.killed and "FileExistsError" in told.error and told.calls[-1].family == "link"
"""
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=Path(syscalls.__file__).parent, check=True)
