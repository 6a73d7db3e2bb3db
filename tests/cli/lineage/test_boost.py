"""Boost with its shares: models, people and a student that saw some of the rows, all through the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden_lakes import Scene

from mmreg.registry.api import Registry
from mmreg.schemas.run import REMOVED, Job, Run, RunState

COLUMNS = "{number: {type: int}, text: {type: text}}"
DECLARATION = f"""
models: {{cap: {{uri: cap.bin}}}}
datasets:
  pairs: {{source: {{type: jsonl, path: pairs.jsonl}}, identity: [number], columns: {COLUMNS}}}
passes:
  judged:
    from: pairs
    use: annotations
    inputs: {{number: number}}
    params: {{path: labels.jsonl, columns: {{quality: int}}}}
  told: {{from: pairs, use: "teller:Tell", model: cap, rows: "number < 4", inputs: {{text: text}}}}
  again: {{from: pairs, use: "teller:Tell", model: teacher@best, inputs: {{text: told}}, outputs: {{told: again}},
    rows: "number < 3"}}
trainings:
  teacher: {{from: pairs, command: [python, train.py], output: models/teacher, model: teacher, alias: best,
    params: {{word: wise}}}}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Eight texts: people graded three, a model of unknown training wrote about four, a teacher about three of them."""
    made = Scene(tmp_path_factory.mktemp("boost"))
    made.source("pairs")
    made.weights("cap")
    grades = [(0, 5, "ann"), (1, 2, "bo"), (7, 4, "ann")]
    records = [{"number": n, "quality": q, "annotator": who, "minutes": 0.5} for n, q, who in grades]
    (made.folder / "labels.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    made.declare(DECLARATION)
    return made


def made(answer: Any) -> dict[str, tuple[int, int]]:
    return {mode: (told["rows"], told["cells"]) for mode, told in answer["shares"]["made"].items()}


def test_shares_of_a_version(scene: Scene) -> None:
    found = scene.json("lineage", "boost", "pairs@latest", "--student", "teacher")
    assert found["mode"] == "external" and found["counts"]["self"] == 1, "the teacher learns from it, too"
    assert made(found) == {"external": (4, 4), "self": (3, 3), "human": (3, 6)}
    shares = found["shares"]
    assert (shares["rows"], shares["cells"]) == (8, 8 * 6)
    assert shares["models"] == {"rows": 4, "cells": 7}
    assert shares["external"] == {"rows": 4, "cells": 4}
    assert (shares["model_rows"], shares["external_cells"]) == (0.5, 4 / 48)
    assert shares["depths"] == {"0": 4, "1": 1, "2": 3}
    columns = {one["column"]: one["made"] for one in shares["columns"]}
    assert columns["told"] == {"external": 4} and columns["quality"] == {"human": 3}
    human = next(one for one in found["curations"] if one["mode"] == "human")
    assert (human["annotators"], human["human_min"]) == (2, 1.5)
    assert human["way"][0].endswith("labels.jsonl") and human["way"][1] == "pass judged"


def test_shares_are_what_the_checks_say(scene: Scene) -> None:
    from mmreg.registry.validation import run_checks
    from mmreg.schemas.check_spec import CheckSpec
    from mmreg.schemas.refs import VersionRef

    asked = [
        {"check": "lineage.model_share", "max_value": 1.0},
        {"check": "lineage.model_share", "max_value": 1.0, "column": "told"},
        {"check": "lineage.synthetic_depth", "max_value": 9},
    ]
    shares = scene.json("lineage", "boost", "pairs@latest")["shares"]
    with Registry.open(scene.folder) as registry:
        row = registry.catalog.resolve(VersionRef.parse("pairs@latest"))
        specs = [CheckSpec.model_validate(one) for one in asked]
        rows, column, depth = run_checks(registry, row, specs, record=False).results
    assert rows.numbers["share"] == shares["model_rows"]
    assert (
        column.numbers["made"] == next(one for one in shares["columns"] if one["column"] == "told")["made"]["external"]
    )
    (histogram,) = depth.histograms
    assert dict(zip(histogram.labels, histogram.counts["rows"], strict=True)) == shares["depths"]


def test_of_one_column(scene: Scene) -> None:
    found = scene.json("lineage", "boost", "pairs@latest:quality")
    assert (found["ref"].partition(":")[2], found["mode"]) == ("quality", "human")
    assert made(found) == {"human": (3, 3)} and found["shares"]["cells"] == 8


def test_of_what_a_model_really_saw(scene: Scene) -> None:
    with Registry.open(scene.folder) as registry, registry.training("part", ["pairs@latest"]) as job:
        reader = registry.open_version("pairs@latest")
        job.saw(reader.to_arrow(["sample_id"], where="number >= 3")["sample_id"])
        job.save(scene.folder / scene.weights("part"))
    found = scene.json("lineage", "boost", "model:part")
    assert found["mode"] == "leaky_external"
    assert found["shares"]["rows"] == 5
    assert made(found) == {"external": (1, 1), "human": (1, 2)}
    assert found["shares"]["depths"] == {"0": 4, "1": 1}
    text = scene.text("lineage", "boost", "model:part")
    assert "made by in 5 rows of pairs@" in text and "any model" in text


def test_where_rows_are_gone_the_graph_still_tells(scene: Scene) -> None:
    with Registry.open(scene.folder) as registry:
        first = registry.catalog.versions("pairs")[-1]
        gone = {"dataset": "pairs", "uuid": first.uuid, "lance_version": first.lance_version}
        at = "2026-01-01T00:00:00.000000Z"
        run = Run("20260101T000000.000000Z-00", Job("maintenance", "pairs"), RunState.COMPLETE, at, at)
        registry.record(Run(**{**vars(run), "facets": {REMOVED: [gone]}}))
    found = scene.json("lineage", "boost", first.ref)
    assert found["shares"] is None and found["notes"] == ["no rows of it are in the lake, to be counted"]
    assert "no rows of it" in scene.text("lineage", "boost", first.ref)
