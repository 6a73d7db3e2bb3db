"""A table that one Lance has written another reads and extends, in either direction.

``MMREG_OTHER_PYTHON`` is the interpreter with the other Lance, as `make canaries` says; without it both are this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OTHER = os.environ.get("MMREG_OTHER_PYTHON", sys.executable)
HERE = sys.executable
SCRIPT = Path(__file__).with_name("exchange.py")


def ask(python: str, path: Path, *verbs: str) -> Any:
    """What ``python`` says of the table after it did ``verbs``."""
    command = [python, str(SCRIPT), str(path), *verbs, "tell"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.parametrize(("writer", "reader"), [(OTHER, HERE), (HERE, OTHER)], ids=["other to this", "this to other"])
def test_what_one_has_written_the_other_reads_and_extends(writer: str, reader: str, tmp_path: Path) -> None:
    """The range of pylance that mmreg supports is what this holds for: not all who share a lake upgrade at once."""
    table = tmp_path / "t.lance"
    told = ask(writer, table, "write")
    assert len(told["rows"]) == 19
    assert ask(reader, table) == told
    extended = ask(reader, table, "extend")
    assert len(extended["rows"]) == 24
    assert set(extended["fragments"]) == {1}
    assert ask(writer, table) == extended
