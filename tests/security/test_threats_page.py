"""`docs/security.md` names every test of this folder, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE))


def test_every_named_test_exists() -> None:
    assert NAMED
    for file, test in NAMED:
        assert (ROOT / file).is_file(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_every_file_of_the_corpus_is_named() -> None:
    named = {file for file, _ in NAMED}
    for file in HERE.glob("test_*.py"):
        assert f"tests/security/{file.name}" in named, file.name


def test_every_threat_has_what_mmreg_does_and_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| What could")]
    threats = [row for row in rows if row.count("|") >= 4]
    assert len(threats) > 30
    for row in threats:
        _, could, does, test, *_ = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
        assert could and does and re.search(r"`tests/", test), row
