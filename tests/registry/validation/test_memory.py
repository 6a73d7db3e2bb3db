"""What is read at a time is bounded by bytes, however large the cells are and wherever they lie."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project
from mmreg.registry.part import BATCH_BYTES
from mmreg.registry.validation.pieces import Pieces
from mmreg.registry.validation.reading import read_pieces

SOUND = 11 * 1024 * 1024
ROWS = 8


def wave(seconds: int) -> bytes:
    """A silent WAV file of so many bytes."""
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", seconds + 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8,
                         b"data", seconds)  # fmt: skip
    return header + bytes(seconds)


@pytest.fixture
def sounds(tmp_path: Path) -> Callable[[str], Registry]:
    """A root of a few large sounds, inline or by reference."""

    def make(storage: str) -> Registry:
        (tmp_path / "sounds").mkdir()
        lines = []
        for number in range(ROWS):
            (tmp_path / "sounds" / f"{number}.wav").write_bytes(wave(SOUND + number))
            lines.append(json.dumps({"sound": f"sounds/{number}.wav"}))
        (tmp_path / "sounds.jsonl").write_text("\n".join(lines))
        declared = {
            "source": {"type": "jsonl", "path": "sounds.jsonl", "media_root": "."},
            "columns": {"sound": {"type": "audio", "storage": storage}},
        }
        (tmp_path / "mmreg.yaml").write_text(
            json.dumps({"version": 1, "project": "sounds", "datasets": {"sounds": declared}})
        )
        init_project(tmp_path)
        apply(Registry.open(tmp_path))
        return Registry.open(tmp_path)

    return make


@pytest.mark.parametrize(("storage", "halvings"), [("inline", 0), ("inline", 1), ("reference", 0), ("reference", 1)])
def test_media_are_read_a_few_at_a_time(sounds: Callable[[str], Registry], storage: str, halvings: int) -> None:
    pieces = Pieces.of(sounds(storage).open_version("sounds")).sample(halvings)
    sizes = [sum(cells) for cells in batches(pieces)]
    assert len(sizes) > 1
    assert max(sizes) <= BATCH_BYTES
    assert sum(len(cells) for cells in batches(pieces)) == pieces.rows
    assert all(size >= SOUND for cells in batches(pieces) for size in cells), "all bytes are there"


def batches(pieces: Pieces) -> Iterator[list[int]]:
    """The bytes of the sounds of each batch."""
    few = [piece if piece.row_ids is None else sparse(piece) for piece in pieces.each]
    for _, batch in read_pieces(pieces.parts[0], few, ["sample_id", "sound"], media=True):
        yield [len(data) for data in pc.struct_field(batch.column("sound"), "bytes").to_pylist() if data is not None]


def sparse(piece: Any) -> Any:
    """As if the rows were few of their fragment."""

    return replace(piece, sparse=True)
