"""The whole demo on a small drawn corpus with a tiny model: what `make demo` runs, and what it promises."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SIZE = 100
Demo = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, example_folder: Path) -> Path:
    """The example, with a model and a training that fit a test."""
    for file in [*example_folder.glob("*.py"), example_folder / "mmreg.yaml"]:
        shutil.copy2(file, tmp_path)
    declared = (tmp_path / "mmreg.yaml").read_text()
    small = declared.replace("epochs: 8}", "epochs: 1, model: tiny}")
    assert small.count("model: tiny") == 2
    small = small.replace("clip_score >= 0.4", "clip_score >= 0")  # after so few steps nothing is sure
    (tmp_path / "mmreg.yaml").write_text(small)
    return tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*command: str) -> str:
        ran = subprocess.run([sys.executable, *command], cwd=project, capture_output=True, text=True)
        assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    return run


@pytest.mark.slow
def test_from_raw_files_to_a_promoted_selection(project: Path, run: Demo) -> None:
    def mmreg(*words: str) -> Any:
        return json.loads(run("-m", "mmreg", *words, "--json"))

    run("corpus.py", "--out", "data", "--size", str(SIZE), "--corpus", "drawn")
    mmreg("init")
    first = {step["name"]: step for step in mmreg("apply")["steps"]}
    assert {step["outcome"] for step in first.values()} == {"published", "trained", "passed"}
    assert first["clips"]["computed"] + first["clips"]["rejected"] == SIZE
    assert first["clips"]["rejected"] == 1  # the bomb
    assert first["stats"]["errors"] == first["pixels"]["errors"] == 2  # cut short
    assert first["curated"]["rows"] == first["control"]["rows"] < first["pool"]["rows"]

    assert mmreg("promote", "selected")["ok"]
    report = run("report.py")
    assert report.count("chance (") == 2
    assert "curated rows" in report and "random raw rows" in report

    # Down to the raw files, and through the model that chose.
    lineage = mmreg("lineage", "up", "selected")
    seen = {(node["kind"], node["name"]) for node in lineage["nodes"]}
    assert ("checkpoint", "clip") in seen and ("version", "clips") in seen
    assert "source" in {kind for kind, _ in seen}
    assert {"curated_by", "trained_on", "evaluated_on"} <= {edge["kind"] for edge in lineage["edges"]}

    page = (Path(__file__).parents[2] / "docs" / "lineage.md").read_text(encoding="utf-8")
    assert _questions(run("questions.py")) == _questions(page)

    assert {step["outcome"] for step in mmreg("apply")["steps"]} == {"unchanged"}

    _add_one(project)
    after = {step["name"]: step for step in mmreg("apply")["steps"]}
    computed = {name: step["computed"] for name, step in after.items() if step["kind"] in ("ingest", "pass")}
    assert computed == {"clips": 1, "stats": 1, "clean": 1, "pixels": 1, "score": 1}
    assert after["pool"]["rows"] == first["pool"]["rows"] + 1
    assert {step["outcome"] for step in after.values() if step["kind"] == "training"} <= {"stale", "unchanged"}


def _questions(page: str) -> list[str]:
    """What is asked, how, and what the answers begin with; the page was printed by the demo in its full size."""
    kept: list[str] = []
    answer = 0
    for line in page.strip().splitlines():
        answer = answer + 1 if answer else 0
        if line.startswith("```"):
            answer = 0 if answer else 1
        elif not answer or line.startswith("$ "):
            kept.append(re.sub(r"\b[0-9a-f]{10,64}\b", "DIGEST", line))
        elif answer == 3 and not line.startswith("{"):
            kept.append(re.sub(r"[0-9a-f]{10,64}|[0-9][0-9,.]*", "N", line).split("  ")[0])
    return kept


def _add_one(project: Path) -> None:
    """One more picture with its record, as a person would add it: a triangle on its head."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(image).polygon([(20, 10), (180, 30), (90, 110)], fill="darkcyan")
    image.save(project / "data" / "images" / "mine.png")
    with (project / "data" / "records.jsonl").open("a") as lines:
        record = {"image": "mine.png", "name": "mine", "title": "a cyan arrow head", "keywords": "", "description": ""}
        lines.write(json.dumps(record | {"license": "CC0-1.0", "category": "mine"}) + "\n")
