"""A studio: texts that a teacher rewrites, selections by what it wrote and without it, models trained on both."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmreg.cli.main import main

MAKERS = '''
"""Passes that rewrite texts, measure them, and make rows of them."""

import pyarrow as pa


class Pass:
    version = "1"
    scope, role = "row", "mapper"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.model = recipe.model

    def open(self):
        pass


class Rewrite(Pass):
    kind = "map"

    def outputs(self):
        return pa.schema([("written", pa.string())])

    def __call__(self, batch):
        word = self.model.path.read_text()
        return pa.record_batch({"written": pa.array([f"{word} {text}" for text in batch.column("text").to_pylist()])})


class Length(Pass):
    kind = "score"

    def outputs(self):
        return pa.schema([("length", pa.int32())])

    def __call__(self, batch):
        return pa.record_batch({"length": pa.array(map(len, batch.column("text").to_pylist()), pa.int32())})


class Invent(Pass):
    kind, role = "create", "creator"

    def outputs(self):
        return pa.schema([("text", pa.string())])

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        rows = pa.array(range(len(texts)), pa.int32())
        return pa.record_batch({"text": pa.array([f"more {text}" for text in texts]), "_row": rows})
'''

TRAINER = """
import json, os, pathlib
output, seed = pathlib.Path(os.environ["MMREG_OUTPUT"]), os.environ["MMREG_SEED"]
(output / "word.txt").write_text(f"{os.environ['MMREG_DATA']} {seed}")
(output / "metrics.json").write_text(json.dumps({"recall": 0.25 * (1 + int(seed))}))
"""

DECLARED = """
version: 1
project: studio
lake: ./lake
models:
  teacher: {{uri: teacher.txt, license: {license}}}
datasets:
  pairs:
    source: {{type: jsonl, path: pairs.jsonl}}
    identity: [number]
    columns: {{number: {{type: int}}, text: {{type: text}}, license: {{type: text, nullable: true}}}}
    license: cc-by-4.0
  heldout:
    source: {{type: jsonl, path: heldout.jsonl}}
    identity: [number]
    columns: {{number: {{type: int}}, text: {{type: text}}}}
passes:
  recap: {{from: pairs, use: "atelier:Rewrite", model: teacher, inputs: {{text: text}}}}
  grade: {{from: pairs, use: "atelier:Length", inputs: {{text: written}}, outputs: {{length: grade}}}}
  size: {{from: pairs, use: "atelier:Length", inputs: {{text: text}}}}
  keep: {{from: pairs, into: train, use: filter, where: "grade >= {least}"}}
  plain: {{from: pairs, into: short, use: filter, where: "length >= 4"}}
  parts: {{from: train, into: splits, use: split, params: {{test: 0.4, seed: 7}}}}
  more: {{from: short, into: extra, use: "atelier:Invent", inputs: {{text: text}}}}
trainings:
  student: {{from: splits, split: train, command: [{python}, train.py], output: out/student, model: student,
             alias: champion, seeds: [0, 1, 2], evaluate_on: {{heldout: null}}}}
  other: {{from: short, command: [{python}, train.py], output: out/other, model: other, license: mit}}
"""


@dataclass(frozen=True)
class Studio:
    folder: Path

    def mmreg(self, *args: str, status: int = 0) -> Any:
        result = CliRunner().invoke(main, ["-C", str(self.folder), *args, "--json"], catch_exceptions=False)
        assert result.exit_code == status, f"mmreg {' '.join(args)}: {result.exit_code}\n{result.output}"
        return json.loads(result.stdout or result.stderr)

    def text(self, *args: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["-C", str(self.folder), *args], catch_exceptions=False)
        assert result.exit_code == status, f"mmreg {' '.join(args)}: {result.exit_code}\n{result.output}"
        return result.output

    def declare(self, least: int, license: str) -> None:
        declared = DECLARED.format(least=least, license=license, python=json.dumps(sys.executable))
        (self.folder / "mmreg.yaml").write_text(declared)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """All of it once; then another teacher under the same name, and what follows from that alone. Only to look at.

    The first teacher wrote pairs@v2, the second all of that again; what was graded stayed as it was, so that
    is still by the first. A training elsewhere has seen three samples of pairs@v1.
    """
    studio = Studio(tmp_path_factory.mktemp("studio"))
    folder = studio.folder
    (folder / "atelier.py").write_text(MAKERS)
    (folder / "train.py").write_text(TRAINER)
    (folder / "teacher.txt").write_text("old")
    licenses = ("cc-by-nc-4.0", "cc-by-4.0", None)
    rows = [{"number": n, "text": "w" * (n % 6 + 1), "license": licenses[n % 3]} for n in range(12)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "heldout.jsonl").write_text('{"number": 100, "text": "held out"}\n')
    studio.declare(6, "cc-by-nc-4.0")
    studio.text("init")
    studio.text("apply", "--quiet")
    studio.text("promote", "train")
    studio.text("apply", "--lock", "--quiet")
    studio.text("eval", "record", "student@champion", "heldout@v1", "--metric", "accuracy=0.5")
    rows = studio.mmreg("query", "pairs@v1", "--where", "number < 3", "--columns", "sample_id")
    (folder / "seen.txt").write_text("".join(f"{row['sample_id']}\n" for row in rows))
    (folder / "elsewhere.bin").write_text("elsewhere")
    seen = ("--data", "pairs@v1", "--rows", str(folder / "seen.txt"), "--checkpoint", str(folder / "elsewhere.bin"))
    studio.text("train", "record", "elsewhere", *seen)
    (folder / "teacher.txt").write_text("new")
    studio.declare(7, "mit")
    studio.text("apply", "recap", "keep", "parts", "--quiet")
    return studio
