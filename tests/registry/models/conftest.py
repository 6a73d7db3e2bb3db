"""A small lake with a root, a selection and its splits; weights of models of one part and of several."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

NOTES = """
version: 1
project: notes
lake: {lake}
retention: {{keep_days: 0}}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [name]
    columns: {{name: {{type: string}}, n: {{type: int}}}}
passes:
  keep:  {{from: notes, into: kept, use: filter, where: "n >= 2"}}
  split: {{from: kept, into: splits, use: split, params: {{held: 0.25, seed: 7}}}}
"""


@pytest.fixture
def notes(project: Callable[..., Any]) -> Any:
    small = project(images=0, declaration=NOTES)
    lines = [json.dumps({"name": f"note {n}", "n": n}) + "\n" for n in range(20)]
    (small.folder / "notes.jsonl").write_text("".join(lines))
    small.apply()
    return small


@pytest.fixture
def weights(notes: Any) -> Callable[..., Path]:
    """Write a folder with one safetensors file; each tensor is four numbers from the one given for it."""

    def write(name: str, /, prefix: str = "", **tensors: float) -> Path:
        folder: Path = notes.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            prefix + key.replace("__", "."): np.arange(4, dtype=np.float32) + value for key, value in tensors.items()
        }
        save_file(arrays, folder / "model.safetensors")
        return folder

    return write


@pytest.fixture
def ids(notes: Any) -> Callable[..., list[str]]:
    """The ids of the samples of a version, of those that fulfil a predicate."""

    def find(ref: str, where: str | None = None) -> list[str]:
        return [row["sample_id"] for row in notes.open().query(ref, where, ["sample_id"])]

    return find
