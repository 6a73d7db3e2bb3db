"""docs/checks.md and the checks say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, known_checks, load_check

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
OWN = [row for row in ROWS if not row[0].startswith("`gx.")]
"""Expectations are two rows for many checks: docs/great-expectations.md lists them all."""
SCHEMA = pa.schema(
    {
        "image": media_type("image"),
        "sound": media_type("audio"),
        "film": media_type("video"),
        "caption": pa.string(),
        "clip_score": pa.float32(),
        "phash": pa.uint64(),
        "vector": pa.list_(pa.float32(), 4),
    }
)


def test_the_table_lists_every_check_with_its_demand() -> None:
    assert {name.strip("`"): demands for name, demands, _, _ in ROWS} == known_checks()


@pytest.mark.parametrize(("name", "arguments"), [(row[0].strip("`"), row[2]) for row in OWN])
def test_the_table_lists_every_argument(name: str, arguments: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_check(CheckSpec(check=name, nonsense=1), Table(SCHEMA, {}))
    known = re.search(
        r"\(known: (.*?)(?:, )?severity, max_failure_rate, name, sample, examples\)", caught.value.message
    )
    assert known is not None
    assert [name for name in known[1].split(", ") if name] == re.findall(r"`(\w+)`", arguments)


@pytest.mark.parametrize("row", OWN, ids=lambda row: row[0].strip("`"))
def test_every_example_loads(row: list[str]) -> None:
    declared = YAML(typ="safe").load(row[3].strip("`"))
    assert declared["check"] == row[0].strip("`")
    load_check(CheckSpec(**declared), Table(SCHEMA, {"clip_score": "clip"}))


def test_the_declaration_above_the_table_loads() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    for declared in YAML(typ="safe").load(block[1])["checks"]["pairs"]:
        load_check(CheckSpec(**declared), Table(SCHEMA, {}))
