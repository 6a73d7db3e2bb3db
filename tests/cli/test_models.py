"""Models, trainings and evaluations in full, typed: parts, data, rows, cost, files of jobs without access."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

DIGEST = "ab" * 32


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The weights of a model of two parts."""
    file = tmp_path / "parts.safetensors"
    save_file({"visual.w": np.ones(3, np.float32), "transformer.w": np.zeros(2, np.float32)}, file)
    return file


def test_a_model_in_full(project: Any, parts: Path, weights: Path) -> None:
    project.text("model", "add", str(weights), "judge")
    added = project.json("model", "add", str(parts), "clip", "--component", "vision,stage=pretrain,trained_on=train@v1")
    stages = {part["name"]: (part["stage"], part["trained_on"], part["parameters"]) for part in added["components"]}
    assert stages == {"vision": ("pretrain", ["train@v1"], 3), "text": (None, [], 2)}

    ids = [row["sample_id"] for row in project.json("query", "train@v1", "--columns", "sample_id")]
    rows = project.folder / "rows.txt"
    rows.write_text("\n".join(ids[:2]))
    second = project.folder / "second.safetensors"
    save_file({"visual.w": np.ones(3, np.float32), "transformer.w": np.ones(2, np.float32)}, second)
    run = project.json(
        "train", "record", "fit", "--data", "train@v1,component=text,weight=0.5",
        "--data", "pairs@v1,where=image.width > 0", "--rows", f"text={rows}", "--checkpoint", str(second),
        "--model", "clip", "--init-from", "clip", "--seed", "7",
        "--samples-seen", "1024", "--cost", "gpu_s=60", "--cost", "money=0.5", "--cost", "currency=EUR",
        "--metric", "loss=0.25",
    )  # fmt: skip
    data = [
        (one["ref"], one["component"], one["weight"], one["where"], one["count"])
        for one in run["facets"]["training"]["data"]
    ]
    assert data == [("train@v1", "text", 0.5, None, 2), ("pairs@v1", None, None, "image.width > 0", 6)]
    assert run["facets"]["cost"] == {"gpu_s": 60, "money": 0.5, "currency": "EUR"}

    judged = ["--seed", "1", "--evaluator", "model:judge", "--metric", "acc=0.5", "--cost", "calls=6"]
    project.text("eval", "record", "clip", "train@v1", *judged)
    shown = project.json("model", "show", "clip")
    assert [part["frozen"] for part in shown["components"]] == [False, True], "text moved, vision did not"
    (made,), (judgement,) = shown["trainings"], shown["evaluations"]
    assert (made["name"], made["seed"], made["samples_seen"], made["metrics"]) == ("fit", 7, 1024, {"loss": 0.25})
    assert (judgement["ref"], judgement["seed"], judgement["metrics"]) == ("train@v1", 1, {"acc": 0.5})
    assert judgement["evaluator"].startswith("judge@")
    text = project.text("model", "show", "clip")
    for said in (
        "trained by fit",
        "train@v1 (text, weight 0.5), 2 rows (row set ",
        "60 gpu_s, 0.5 EUR",
        "license         unknown",
    ):
        assert said in text
    assert project.json("model", "show", "judge")["evaluations"] == [], "it judged, and was not judged"


def test_files_of_jobs_without_access(project: Any) -> None:
    file = project.folder / "training.json"
    uuid = project.json("show", "train@v1")["uuid"]
    said = {"mmreg_training": 1, "name": "far", "data": [{"uuid": uuid}], "sha256": DIGEST, "metrics": {"loss": 1}}
    file.write_text(json.dumps(said))
    first = project.json("train", "ingest", str(file))
    assert project.json("train", "ingest", str(file), str(file)) == [*first, *first]
    assert [run["id"] for run in project.json("train", "ls")] == [first[0]["id"]]
    file.write_text(json.dumps({**said, "dtaa": 1}))
    assert "no key 'dtaa'; did you mean 'data'?" in project.call("train", "ingest", str(file)).stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--data", "train@v1,wieght=2"], "did you mean 'weight'?"),
        (["--data", "train@v1:held"], "train has no split 'held'"),
        (["--data", "train@v1", "--cost", "gpus=3"], "did you mean 'gpu_s'?"),
        (["--data", "train@v1", "--rows", "gone.txt"], "there is no file gone.txt"),
        (["--data", "train@v1", "--component", "vision,frosen"], "is not NAME[=MODEL]"),
        (["--data", "train@v1,where=nothing > 1"], "nothing"),
        (["--data", "train@v1", "--seed", "x"], "x"),
    ],
)
def test_slips_are_told_and_recorded_nowhere(project: Any, weights: Path, args: list[str], said: str) -> None:
    result = project.call("train", "record", "fit", "--checkpoint", str(weights), *args)
    assert result.exit_code in (2, 3) and said in result.stderr
    assert project.json("train", "ls") == []


def test_hostile_cards_and_names_end_in_no_terminal(project: Any, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    save_file({"\x1b[2J.w\u202e": np.ones(1, np.float32), "visual.w": np.ones(1, np.float32)}, folder / "m.safetensors")
    (folder / "README.md").write_text('---\nlicense: "\\e[31mmit"\nbase_model: "\\u202eorg/x"\n---\n')
    project.text("model", "add", str(folder), "odd")
    project.text("eval", "record", "odd", "train@v1", "--metric", "a\x1b[2J=1", "--evaluator", "\x1b[31m\u202e")
    for text in (project.text("model", "show", "odd"), project.text("model", "ls"), project.text("eval", "ls")):
        assert not {"\x1b", "\u202e"} & set(text)


def test_an_opaque_model_is_marked(project: Any) -> None:
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text() + '\nmodels:\n  far: {uri: "https://far.example/v1", framework: openai}\n')
    project.text("apply", "far")
    (line,) = [line for line in project.text("model", "ls").splitlines() if line.startswith("far")]
    assert "opaque" in line
    assert project.json("model", "ls")[0]["opaque"] is True
