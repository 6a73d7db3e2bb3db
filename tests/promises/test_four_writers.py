"""Four who write to one table while every few seconds one of them is killed and begins again.

In the end every acknowledged commit is there, once; every refused one is not; of those whose answer nobody lived to
hear some are there, and none twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmreg.registry.commit import recorded_run

WRITERS = 4
COMMITS = int(os.environ.get("MMREG_COMMITS", "12"))
KILL_EVERY_S = os.environ.get("MMREG_KILL_EVERY_S")
STORM = Path(__file__).parents[1] / "faults" / "four_writers.py"

DECLARATION = """
version: 1
project: four
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image}}}}
"""


def test_four_writers_who_get_killed(project: Callable[..., Any], lake: str | dict[str, Any]) -> None:
    made = project(images=0, declaration=DECLARATION, lake=lake)
    often = KILL_EVERY_S or ("0.3" if lake == "./lake" else "1.5")  # a commit on S3 takes as much longer
    command = [sys.executable, STORM, str(COMMITS), often]
    ended = subprocess.run(command, cwd=made.folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    storm = json.loads(ended.stdout)
    assert storm["kills"]
    assert all(finding.fixed for finding in made.open().doctor().findings)
    assert made.open().doctor().findings == ()

    registry = made.open()
    table = registry.lake.table("rows")
    rows = table.to_table().to_pylist()
    there = Counter(row["sample_id"].decode() for row in rows)
    said = told(made.folder)
    outcomes = Counter(said.values())
    assert len(said) == WRITERS * COMMITS
    assert set(there.values()) == {1}, "a commit is there twice"
    assert {key for key, outcome in said.items() if outcome == "done"} <= there.keys(), "a commit is lost"
    assert not {key for key, outcome in said.items() if outcome == "refused"} & there.keys()
    assert there.keys() <= said.keys()
    assert max(Counter(row["claim"] for row in rows).values()) == 1
    assert outcomes["done"] and outcomes["refused"]
    assert_numbered(registry, table)
    unheard = sum(said[key] == "begun" for key in there)
    print(
        f"{WRITERS} writers x {COMMITS}, {storm['kills']} kills in {storm['seconds']} s, {table.version} versions: "
        f"{outcomes['done']} acknowledged and there, {outcomes['refused']} refused and absent, "
        f"{outcomes['begun']} unheard ({unheard} there)"
    )


def told(folder: Path) -> dict[str, str]:
    """The last that a writer noted of each of its commits: begun, done or refused."""
    said = {}
    for writer in range(WRITERS):
        for line in (folder / f"writer-{writer}.log").read_text().splitlines():
            number, what = json.loads(line)
            said[f"{writer:04}{number:012}"] = what
    return said


def assert_numbered(registry: Any, table: Any) -> None:
    """Each version has the next number and its recorded run, and counts its rows truly."""
    recorded = {run.id for run in registry.runs()}
    expected = [f"rows@v{n}" for n in range(1, table.version + 1)]
    assert [entry.ref for entry in reversed(registry.log("rows"))] == expected
    for version in range(1, table.version + 1):
        run = recorded_run(table, version)
        assert run is not None and run.id in recorded
        [output] = run.outputs
        assert (output.ordinal, output.rows) == (version, version)
