"""Each golden graph, written for others and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from golden_lakes import SCENES, Scene

from mmreg.registry.api import Registry


@pytest.mark.parametrize("form", ["openlineage", "prov"])
@pytest.mark.parametrize("name", SCENES)
def test_it_is_the_same_graph(golden: Callable[[str], Scene], tmp_path: Path, name: str, form: str) -> None:
    scene, file = golden(name), tmp_path / "told.json"
    scene.text("lineage", "export", "--all", "--format", form, "--output", str(file))
    back = scene.json("lineage", "import", str(file))
    with Registry.open(scene.folder) as registry:
        whole = registry.lineage_of_all().to_dict()
    assert back == {**whole, "nodes": list(whole["nodes"]), "edges": list(whole["edges"])}
    models = {node["id"] for node in back["nodes"] if node["kind"] == "checkpoint"}
    made_by = {edge["source"] for edge in back["edges"] if edge["kind"] == "curated_by"}
    assert made_by <= models
