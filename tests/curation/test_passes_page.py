"""docs/passes.md: its plug-in runs as printed, and it lists the built-in passes as they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmreg.curation.plugins import BUILT_IN, load_pass
from mmreg.curation.protocol import LoadedModel, Recipe
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind

PAGE = Path(__file__).parents[2].joinpath("docs", "passes.md").read_text()
DECLARATION = """
version: 1
project: page
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text}}
"""


def block(language: str) -> str:
    """The first block of code in ``language``."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.S)
    assert found
    return found[1]


@pytest.fixture
def page(project: Callable[..., Any]) -> Iterator[Any]:
    """A project with the page's plug-in and declaration in it."""
    made = project(3, DECLARATION + block("yaml").replace("{", "{{").replace("}", "}}"))
    (made.folder / "colours.py").write_text(block("python"))
    yield made
    sys.modules.pop("colours", None)


def test_the_plug_in_runs_as_printed(page: Any, rows: Callable[..., dict[bytes, dict[str, Any]]]) -> None:
    page.apply()
    found = [row["saturation"] for row in rows(page.open(), "pairs").values()]
    assert len(found) == 3
    assert all(0 <= value <= 1 for value in found)
    assert [step.outcome for step in page.apply().steps] == ["unchanged", "unchanged"]
    page.draw("another")
    assert [step.computed for step in page.apply().steps if step.name == "colourful"] == [1]


def test_the_plug_in_has_errors_by_row_and_checks_its_params(page: Any) -> None:
    plugged = load_pass("colours:Saturation", page.folder)
    operator = plugged(Recipe())
    operator.open()
    answer = operator(pa.record_batch({"image": pa.array([{"bytes": b"nonsense"}])}))
    assert answer.to_pylist() == [{"saturation": None, "error": "unreadable: this is no image"}]
    with pytest.raises(UsageError, match="no param 'sides'"):
        plugged(Recipe(params={"sides": 3}))


def test_the_pass_over_a_table_runs_as_printed(project: Callable[..., Any], rows: Callable[..., Any]) -> None:
    [code] = [found for found in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "class Rarity" in found]
    rare = '  rare: {from: pairs, use: "rarity:Rarity", inputs: {text: caption}}\n'
    made = project(4, DECLARATION + "passes:\n" + rare.replace("{", "{{").replace("}", "}}"))
    (made.folder / "rarity.py").write_text("import pyarrow as pa\n\n\n" + code)
    made.apply()
    assert sorted(row["copies"] for row in rows(made.open(), "pairs").values()) == [1, 1, 2, 2]
    made.draw("another", "one")
    made.apply()
    assert sorted(row["copies"] for row in rows(made.open(), "pairs").values()) == [1, 1, 3, 3, 3]
    sys.modules.pop("rarity", None)


def _section(use: str) -> str:
    found = re.search(rf"^### {use}\n(.*?)(?=^##)", PAGE, re.S | re.M)
    assert found, f"{use} has no section"
    return found[1]


def _named(section: str, heading: str) -> list[str]:
    """The names in the first column of the table under ``heading``."""
    found = re.search(rf"^\| {heading} \|.*?\n\|[-|]+\n(.*?)(?=^[^|]|\Z)", section + "\n", re.S | re.M)
    return re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in found[1].splitlines())) if found else []


@pytest.mark.parametrize("use", BUILT_IN)
def test_built_in_passes_are_listed_as_they_are(use: str, open_clip_model: LoadedModel) -> None:
    section = _section(use)
    found = load_pass(use)
    columns = {name: name for name in list(found.inputs)[: 1 if use == "embed" else None] if name != "*"}
    made = found(Recipe(model=open_clip_model, columns=columns)).outputs()
    assert _named(section, "output") == made.names
    assert all(f"`{name}`" in section.splitlines()[1] for name in found.inputs)
    module = import_module(BUILT_IN[use].partition(":")[0])
    params = {field.name: str(field.default).lower() for field in fields(module.Params)}
    if use == "clip_score":
        assert module.Params is import_module("mmreg.curation.embed").Params
    else:
        assert _named(section, "param") == list(params)
        assert all(f"| `{name}` | {default} |" in section for name, default in params.items())
    for field in made:
        if not pa.types.is_fixed_size_list(field.type):
            assert re.search(rf"^\|[^|]*`{field.name}`[^|]*\| {re.escape(_word(field.type))} \|", section, re.M)


def _word(type: pa.DataType) -> str:
    return media_kind(type) or {"float": "float32"}.get(str(type), str(type))
