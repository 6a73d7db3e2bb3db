"""A version as a Croissant description: valid to the format's own library, with its provenance, and loadable."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest
from golden_lakes import Scene
from PIL import Image

from mmreg.registry.api import Registry

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
"""What the libraries below mlcroissant say of each other."""


def described(scene: Scene, ref: str, file: Path, *options: str) -> mlcroissant.Dataset:
    scene.text("lineage", "export", ref, "--format", "croissant", "--output", str(file), *options)
    return mlcroissant.Dataset(str(file))


def test_the_files_of_the_lake(teacher: Scene, tmp_path: Path) -> None:
    dataset = described(teacher, "class@v1", tmp_path / "class.json")
    metadata = dataset.metadata
    assert not metadata.ctx.issues.errors
    assert metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert (metadata.name, metadata.version) == ("class", "1.0.0")
    assert {one.includes[0] for one in metadata.distribution} == {
        "texts.lance/data/*.lance",
        "class.lance/data/*.lance",
    }
    (tools, protocol) = metadata.machine_annotation_tools, metadata.data_annotation_protocol
    assert [tool.partition("@")[0] for tool in tools] == ["model:student", "model:teacher"]
    assert protocol == ["answer (teller:Tell version 1) makes answer", "lesson (teller:Tell version 1) makes lesson"]


def test_its_rows_can_be_loaded(teacher: Scene, tmp_path: Path) -> None:
    dataset = described(teacher, "class@v1", tmp_path / "out/class.json", "--parquet")
    records = list(dataset.records("rows"))
    rows = teacher.json("head", "class@v1")
    assert [record["rows/lesson"].decode() for record in records] == [row["lesson"] for row in rows]
    assert [record["rows/sample_id"].decode() for record in records] == [row["sample_id"] for row in rows]


def test_provenance_is_there_and_survives(teacher: Scene, tmp_path: Path) -> None:
    dataset = described(teacher, "texts@v3", tmp_path / "texts.json")
    written = json.loads((tmp_path / "texts.json").read_text())
    again = dataset.metadata.to_json()
    for doc in (written, again):
        froms = {one["prov:label"] for one in doc["prov:wasDerivedFrom"]}
        assert froms == {"texts@v2", "texts.jsonl"}
        (agent,) = _list(doc["prov:wasGeneratedBy"]["prov:wasAssociatedWith"])
        assert agent["prov:label"].startswith("model:teacher@")
    fields = {field["name"]: field for field in written["recordSet"][0]["field"]}
    (author,) = fields["answer"]["prov:wasAttributedTo"]
    assert author["@type"] == "prov:SoftwareAgent" and author["prov:label"].startswith("model:student@")
    assert "prov:wasAttributedTo" not in fields["text"]


def test_pictures_and_what_is_nested(project: Callable[..., Any], tmp_path: Path) -> None:
    made = project(images=3)
    made.apply()
    with Registry.open(made.folder) as registry:
        description = registry.croissant("pairs", tmp_path / "pairs.json")
        rows = registry.head("pairs")
    (tmp_path / "pairs.json").write_text(json.dumps(description))
    table = pq.read_table(tmp_path / "pairs.parquet")
    assert table.num_rows == len(rows) == 3
    for cell in table.column("image").to_pylist():
        assert Image.open(io.BytesIO(cell)).size == (24, 18)
    (first, *_) = mlcroissant.Dataset(str(tmp_path / "pairs.json")).records("rows")
    assert first["rows/image"].size == (24, 18)
    assert description["distribution"][0]["sha256"]


def test_splits(project: Callable[..., Any], tmp_path: Path) -> None:
    made = project()
    made.apply()
    with Registry.open(made.folder) as registry:
        description = registry.croissant("splits", tmp_path / "splits.json")
        splits = registry.show("splits").splits
        held_out = {row["sample_id"] for row in registry.open_version("splits", "test").to_arrow().to_pylist()}
    (tmp_path / "splits.json").write_text(json.dumps(description))
    records = list(mlcroissant.Dataset(str(tmp_path / "splits.json")).records("rows"))
    told = Counter(record["rows/_split"].decode() for record in records)
    assert told == splits
    test = {record["rows/sample_id"].decode() for record in records if record["rows/_split"] == b"test"}
    assert test == {id.hex() for id in held_out}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
