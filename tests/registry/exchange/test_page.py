"""docs/provenance.md says what the code does."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import get_args

from golden_lakes import Scene

from mmreg.schemas.exchange import ExportFormat
from mmreg.schemas.lineage import EdgeKind

PAGE = (Path(__file__).parents[3] / "docs" / "provenance.md").read_text(encoding="utf-8")


def test_every_format_and_every_facet_of_ours_is_on_the_page() -> None:
    assert all(name in PAGE for name in get_args(ExportFormat))
    for facet in ("mmreg_node", "mmreg_edge", "mmreg_model", "mmreg_cost"):
        assert f"`{facet}`" in PAGE
    roles = json.loads(files("mmreg.registry.exchange").joinpath("facets.json").read_text())
    models = roles["$defs"]["MmregModelRunFacet"]["properties"]["models"]["items"]["properties"]["role"]["enum"]
    assert all(f"`{role}`" in PAGE for role in models)


def test_every_kind_of_edge_is_on_the_page() -> None:
    assert all(f"`{kind}`" in PAGE for kind in get_args(EdgeKind) if kind != "via")


def test_what_it_shows_is_printed(teacher: Scene, tmp_path: Path) -> None:
    for line in PAGE.split("```console\n")[1].split("```")[0].splitlines():
        if line.startswith("$ ") and "mlflow" not in line:
            command = line.removeprefix("$ mmreg ").partition("#")[0].split()
            command[-1] = str(tmp_path / command[-1])
            printed = teacher.text(*command).replace(f"{tmp_path}/", "").strip()
            assert printed and printed in PAGE
