"""Where no space is left a verb says so and ends; nothing is torn or left over, and with space it works again.

``limit``: no file may grow beyond some bytes, which anybody may try. ``full``: a disk of the test's own that is full
but for some pages, where one may mount it. The judge is that of the crash matrix.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

MATRIX = Path(__file__).parents[1] / "faults" / "crash_matrix.py"
SCENES = ["a first ingest", "a pass's refill", "a promotion", "runs archived", "small fragments compacted"]


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


@pytest.mark.slow
@pytest.mark.parametrize("store", ["limit", "full"] if may_mount() else ["limit"])
def test_no_space_left(tmp_path: Path, store: str) -> None:
    file = tmp_path / "told.jsonl"
    chosen = [argument for scene in SCENES for argument in ("--scene", scene)]
    command = [sys.executable, MATRIX, "--store", store, "--points", "4", "--json", file, *chosen]
    subprocess.run(command, check=True)
    told = [json.loads(line) for line in file.read_text().splitlines()]
    refused = [one for one in told if one["call"]]  # else there was enough
    assert not [one for one in refused if one.get("error")]
    assert {one["scene"] for one in refused} == set(SCENES), "there was always enough"
