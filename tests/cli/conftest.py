"""A small project on disk, made through the command line as a person would make it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mmreg.cli.answers import ANSWERS, answer_schema
from mmreg.cli.main import main

DECLARATION = """\
version: 1
project: pictures
datasets:
  pairs:
    source: {type: imagefolder, path: images}
    columns:
      image:   {type: image}
      caption: {type: text, nullable: true}
passes:
  stats: {from: pairs, use: image_stats, inputs: {image: image}}
  keep:  {from: pairs, into: train, use: filter, where: "width >= 48 AND caption IS NOT NULL"}
checks:
  train:
    - {check: not_null, column: caption}
    - {check: row_count, min_value: 3}
  pairs:
    - {check: range, column: width, min_value: 32, max_value: 4096}
"""
CAPTION = "picture \x1b[2J\u202eno. {} 絵"


@dataclass(frozen=True)
class Place:
    """A project folder, and `mmreg` called in it."""

    folder: Path

    def call(self, *args: str) -> Result:
        return CliRunner().invoke(main, ["-C", str(self.folder), *args], catch_exceptions=False)

    def text(self, *args: str, status: int = 0) -> str:
        result = self.call(*args)
        assert result.exit_code == status, result.output
        return result.stdout

    def json(self, *args: str, status: int = 0) -> Any:
        """The answer as JSON, once it was found to be as its published schema says."""
        answer = json.loads(self.text(*args, "--json", status=status))
        command = " ".join(args[:2])
        jsonschema.validate(answer, answer_schema(command if command in ANSWERS else args[0]))
        return answer


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Six pictures of width 32, 48, ..., the last without caption, and a file that is no picture; applied."""
    folder = tmp_path_factory.mktemp("applied") / "pictures"
    images = folder / "images"
    images.mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (32 + 16 * number, 40), (40 * number, 90, 30)).save(images / f"{number}.png")
        if number != 5:
            (images / f"{number}.txt").write_text(CAPTION.format(number), encoding="utf-8")
    (images / "broken.png").write_bytes(b"no picture")
    (folder / "mmreg.yaml").write_text(DECLARATION, encoding="utf-8")
    place = Place(folder)
    place.text("init")
    place.text("apply", "--quiet")
    return place


@pytest.fixture
def project(applied: Place, tmp_path: Path) -> Place:
    """A copy of it, to change: a lake may be copied."""
    return Place(Path(shutil.copytree(applied.folder, tmp_path / "pictures")))


@pytest.fixture
def weights(project: Place) -> Path:
    """A file that passes for a model's weights."""
    file = project.folder / "clip.bin"
    file.write_bytes(bytes(range(256)) * 4)
    return file
