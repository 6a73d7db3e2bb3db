"""Folders of seeded pictures with captions, drawn here."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

PER_FOLDER = 1000


def draw(folder: Path, count: int, side: int = 96) -> None:
    """Small pictures of coloured noise, JPEG and PNG in turns (6 and 14 KB), and ``captions.jsonl`` beside them."""
    seeded = np.random.default_rng(7)
    with (folder.parent / "captions.jsonl").open("w") as captions:
        for number in range(count):
            kind = ("jpg", "png")[number % 2]
            name = f"{number // PER_FOLDER:03d}/{number:06d}.{kind}"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(seeded.integers(0, 255, (side // 2, side // 2, 3), np.uint8))
            coarse.resize((side, side)).save(path, quality=85, compress_level=1)
            captions.write(json.dumps({"file": name, "caption": f"picture {number} of coloured noise"}) + "\n")


def heavy(folder: Path, count: int, size: int) -> None:
    """``count`` JPEG files of ``size`` bytes: fifty pictures with a tail of noise, under many names (hard links)."""
    seeded = np.random.default_rng(7)
    folder.mkdir(parents=True)
    originals = []
    for number in range(min(count, 50)):
        encoded = io.BytesIO()
        Image.fromarray(seeded.integers(0, 255, (64, 64, 3), np.uint8)).save(encoded, "JPEG")
        originals.append(folder / f"{number:06d}.jpg")
        originals[-1].write_bytes(encoded.getvalue() + seeded.bytes(size - encoded.tell()))
    for number in range(len(originals), count):
        os.link(originals[number % len(originals)], folder / f"{number:06d}.jpg")
