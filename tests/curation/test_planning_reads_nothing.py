"""Where nothing changed a plan looks at no row: it is the same while the rows cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import lance

from mmreg.curation.plan import plan
from mmreg.curation.status import status


def actions(project: Any, *select: str) -> dict[str, str]:
    return {step.name: step.action for step in plan(project.open(), select).steps}


def test_nothing_changed_nothing_read(project: Callable[..., Any]) -> None:
    made = project()
    made.apply()
    again = made.open()
    before = status(again)
    data = made.folder / "lake" / "pairs.lance" / "data"
    assert data.is_dir()
    data.rename(data.with_name("elsewhere"))
    assert set(actions(made, "pairs", "light", "words", "keep").values()) == {"nothing"}
    passes = {found.name: found for found in status(made.open()).passes}
    assert passes == {found.name: found for found in before.passes}


def test_a_new_recipe_is_planned_without_a_look_at_the_rows(project: Callable[..., Any]) -> None:
    made = project(images=4)
    made.apply("pairs", "light", "words")
    plugin = made.folder / "counted.py"
    plugin.write_text(plugin.read_text().replace('version = "1"', 'version = "2"'))
    sys.modules.pop("counted")
    data = made.folder / "lake" / "pairs.lance" / "data"
    data.rename(data.with_name("elsewhere"))
    found = {step.name: (step.action, step.rows) for step in plan(made.open(), ["light", "words"]).steps}
    assert found == {"light": ("run", 4), "words": ("run", 4)}


def test_appended_rows_are_planned_without_a_look_at_them(project: Callable[..., Any]) -> None:
    made = project(images=4)
    made.apply("pairs", "light", "words")
    made.draw("new", "a new picture")
    made.apply("pairs")
    data = made.folder / "lake" / "pairs.lance" / "data"
    data.rename(data.with_name("elsewhere"))
    found = {step.name: (step.action, step.rows) for step in plan(made.open(), ["light", "words"]).steps}
    assert found == {"light": ("run", 1), "words": ("run", 1)}


def test_rows_that_somebody_else_removed_are_missed(project: Callable[..., Any]) -> None:
    made = project()
    made.apply("pairs")
    rows = made.open().rows_of("pairs")
    table = lance.dataset(str(made.folder / "lake" / "pairs.lance"))
    table.delete("_source.uri = '001.png'")
    assert table.count_rows() == rows - 1
    assert actions(made, "pairs") == {"pairs": "run"}
    made.apply("pairs")
    assert made.open().rows_of("pairs") == rows
    assert actions(made, "pairs") == {"pairs": "nothing"}
