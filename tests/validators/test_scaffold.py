"""``mmreg checks new``: its files pass their own test at once, and run as declared; nothing of others is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.config import load
from mmreg.errors import UsageError
from mmreg.validators.scaffold import Reads, new_check


def begin(made: Any, name: str, reads: Reads = "text") -> str:
    return new_check(made.folder, load(made.folder).spec, name, reads).declaration


def test_what_is_begun_passes_its_test_and_runs(project: Callable[..., Any]) -> None:
    made = project(4)
    assert begin(made, "enough_words") == (
        'checks:\n  pairs:\n    - {check: "enough_words:EnoughWords", column: caption}\n'
    )
    lines = begin(made, "not_dark", "image").partition("    - ")[2]
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=made.folder, capture_output=True, text=True)
    assert "5 passed" in tests.stdout, tests.stdout

    made.apply("pairs")
    declared = made.folder / "mmreg.yaml"
    text = (
        declared.read_text() + f'  pairs:\n    - {{check: "enough_words:EnoughWords", column: caption}}\n    - {lines}'
    )
    declared.write_text(text)
    (report,) = made.open().validate("pairs@latest")
    words, dark = report.results
    assert (words.status, words.failed, words.key) == ("failed", 2, "enough_words:EnoughWords:caption")
    assert (dark.status, dark.examined) == ("passed", 4)
    again = made.open().validate("pairs@latest")[0].results
    assert [result.reused for result in again] == [4, 4]


@pytest.mark.parametrize("name", ["Words", "2nd", "a-b", "", "class", "../x"])
def test_a_name_that_is_no_module(project: Callable[..., Any], name: str) -> None:
    with pytest.raises(UsageError, match="can be no module's name") as told:
        begin(project(0), name)
    assert told.value.hint == "mmreg checks new brightness"


def test_nothing_is_hidden_or_overwritten(project: Callable[..., Any]) -> None:
    made = project(0)
    with pytest.raises(UsageError, match="there is a module 'numpy' already") as told:
        begin(made, "numpy")
    assert told.value.hint == "mmreg checks new numpy_check"
    begin(made, "words")
    (made.folder / "words.py").write_text("mine")
    with pytest.raises(UsageError, match=r"words\.py is there already"):
        begin(made, "words")
    assert (made.folder / "words.py").read_text() == "mine"


def test_without_such_a_column_the_lines_say_what_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "mmreg.yaml").write_text("version: 1\nproject: empty\n")
    lines = new_check(tmp_path, load(tmp_path).spec, "words").declaration
    assert lines == 'checks:\n  DATASET:\n    - {check: "words:Words", column: COLUMN}\n'
