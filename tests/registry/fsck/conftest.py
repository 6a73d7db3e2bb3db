"""A lake with a history, made once and copied for each test: a copied lake is as good as the first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.registry.runs import archive


@pytest.fixture
def grown(project: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rows added, changed and removed, refills, selections, a promotion, an archive."""
    template = tmp_path_factory.getbasetemp() / "grown"
    made = project(0 if template.exists() else 6)
    if template.exists():
        shutil.rmtree(made.folder)
        shutil.copytree(template, made.folder)
        return made
    made.apply()
    made.draw("new", "a new picture")
    made.draw("001", "another caption of it")
    made.erase("002")
    made.apply()
    made.open().promote("train")
    archive(made.open().lake.store, keep=2)
    made.draw("again", "after it was archived")
    made.apply()
    made.copy(template)
    return made
