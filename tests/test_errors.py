"""Every error class is documented with its code and status, and some test reaches it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmreg import errors

ROOT = Path(__file__).parents[1]
CLASSES = sorted(
    (e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.MmregError)),
    key=lambda e: e.__name__,
)


@pytest.mark.parametrize("error", CLASSES)
def test_documented(error: type[errors.MmregError]) -> None:
    row = rf"\| {error.exit_status} \| `{error.code}` \| `{error.__name__}` \|"
    assert re.search(row, (ROOT / "docs" / "errors.md").read_text())
    assert re.search(rf"\b{error.__name__}\b", (errors.__doc__ or "")), "the tree in errors.py draws it"


@pytest.mark.parametrize("error", [e for e in CLASSES if e is not errors.MmregError])
def test_reached_by_a_test(error: type[errors.MmregError]) -> None:
    raised = re.compile(rf"pytest\.raises\(\s*\(?{error.__name__}\b")
    reached = [file.name for file in (ROOT / "tests").rglob("test_*.py") if raised.search(file.read_text())]
    assert reached, f"no test expects {error.__name__}"


def test_codes_are_distinct() -> None:
    codes = [error.code for error in CLASSES]
    assert len(set(codes)) == len(codes)


def test_a_hint_is_shown_on_a_line_of_its_own() -> None:
    assert str(errors.NotFound("x is not there", hint="mmreg ls")) == "x is not there\n  Try: mmreg ls"
