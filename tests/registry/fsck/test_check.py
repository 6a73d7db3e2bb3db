"""A lake of any history has no finding; and each kind of damage is found, told and, where that is safe, mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.registry.runs import archive


@pytest.fixture
def grown(project: Callable[..., Any]) -> Any:
    """A project with a history: rows added, changed and removed, refills, selections, a promotion, an archive."""
    made = project()
    made.apply()
    made.draw("new", "a new picture")
    made.draw("001", "another caption of it")
    made.erase("002")
    made.apply()
    made.open().promote("train")
    archive(made.open().lake.store, keep=2)
    made.draw("again", "after it was archived")
    made.apply()
    return made


def found(made: Any, **options: Any) -> list[tuple[str, str | None, str | None]]:
    report = made.open().fsck(deep=True, **options)
    return [(damage.kind, damage.dataset, damage.file) for damage in report.damages]


def files_of(made: Any, pattern: str) -> list[Path]:
    return sorted((made.folder / "lake").glob(pattern))


def key(made: Any, path: Path) -> str:
    return str(path.relative_to(made.folder / "lake"))


def test_a_lake_with_a_history_is_whole(grown: Any) -> None:
    report = grown.open().fsck(deep=True)
    assert report.damages == ()
    assert (report.ok, report.undigested, report.datasets) == (True, 0, 3)
    assert report.cells == 9 and report.bytes > 0 and report.versions >= 8
