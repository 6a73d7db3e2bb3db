"""What erasures are tried on: seven pieces of real clip art that three derived datasets and two models use, and a way
to look for bytes that knows nothing of the code under test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from mmreg.schemas.erasure import Asked, ErasureReport

HERE = Path(__file__).parent / "openclipart"
CLIPS = """
version: 1
project: clips
lake: {lake}
datasets:
  clips:
    source: {{type: jsonl, path: data/records.jsonl, media_root: data}}
    columns:
      image: {{type: image}}
      name: {{type: text}}
      title: {{type: text, nullable: true}}
      keywords: {{type: text, nullable: true}}
      description: {{type: text, nullable: true}}
      license: {{type: text, nullable: true}}
passes:
  light:  {{from: clips, use: "counted:Brightness", inputs: {{image: image}}}}
  words:  {{from: clips, use: "counted:Words", inputs: {{text: title}}, max_error_rate: 1}}
  pool:   {{from: clips, into: pool, use: split, params: {{test: 0.3, seed: 3}}}}
  bright: {{from: clips, into: bright, use: filter, where: "name != 'keyb1'"}}
  all:    {{from: bright, into: signs, use: filter, where: "title IS NOT NULL"}}
"""


@pytest.fixture
def clips(project: Callable[..., Any]) -> Any:
    """The clip art in a lake, with three derived datasets, and two models trained on two of them."""
    small = project(images=0, declaration=CLIPS, name="clips")
    shutil.copytree(HERE, small.folder / "data")
    small.apply()
    for name, dataset in (("clip", "bright@v1"), ("second", "pool@v1")):
        weights = small.folder / f"{name}.bin"
        weights.write_bytes(name.encode() * 100)
        small.open().train_record(name, [dataset], weights)
    return small


@pytest.fixture
def record() -> Callable[[str], dict[str, Any]]:
    """What the source says of a picture, and its bytes."""

    def find(name: str) -> dict[str, Any]:
        lines = (HERE / "records.jsonl").read_text().splitlines()
        found: dict[str, Any] = next(r for line in lines if (r := json.loads(line))["name"] == name)
        return {**found, "bytes": (HERE / found["image"]).read_bytes()}

    return find


@pytest.fixture
def files_with() -> Callable[..., list[str]]:
    """The files below folders that hold any of some bytes: a plain search, by any piece of 24 bytes of long ones."""

    def search(folders: Iterable[Path], *wanted: bytes) -> list[str]:
        pieces = [part for one in wanted for part in _pieces(one)]
        found = []
        for top in folders:
            for folder, _, names in os.walk(top):
                for name in names:
                    data = Path(folder, name).read_bytes()
                    if any(piece in data for piece in pieces):
                        found.append(str(Path(folder, name).relative_to(top)))
        return sorted(found)

    return search


def _pieces(wanted: bytes) -> list[bytes]:
    middle = len(wanted) // 2
    return [wanted] if len(wanted) < 500 else [wanted[at : at + 24] for at in (middle - 200, middle, middle + 200)]


@pytest.fixture
def erased() -> Callable[..., ErasureReport]:
    """Erase samples of a project and expect that nothing is left."""

    def erase(small: Any, dataset: str | None = None, **asked: Any) -> ErasureReport:
        given = {key: (value,) if key in ("ids", "digests", "sources") else value for key, value in asked.items()}
        report = small.open().erase(Asked(dataset, **given), reason="asked for")
        assert isinstance(report, ErasureReport)
        assert report.left == ()
        return report

    return erase
