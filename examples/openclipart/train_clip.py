"""Train a small CLIP on the version that mmreg names, and measure it on the held-out version.

mmreg runs this as a declared training (see mmreg.yaml). ``params``: ``text``, the column to learn from;
``epochs``; and ``model``, a key of `small_clip.SIZES`. The output is a directory that open_clip opens as
``local-dir:<output>``, with a ``metrics.json`` beside the weights.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import small_clip
import torch
from numpy.typing import NDArray
from open_clip import CLIP

import mmreg

QUERIES = ("title", "caption")
NEAR = 4
"""Perceptual hashes that differ in so many of their 64 bits, or fewer, are of the same picture."""
SMALLEST_BATCH, LARGEST_BATCH = 16, 256
LEAST_STEPS = 16
"""Steps an epoch, at least: a small version gets smaller batches, not hardly any steps."""


@dataclass(frozen=True)
class Pairs:
    """Pictures (n x 64 x 64 x 3 bytes), their perceptual hashes, and their texts by column."""

    images: torch.Tensor
    phash: NDArray[np.uint64]
    texts: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, mask: NDArray[np.bool_]) -> Pairs:
        texts = {c: [t for t, kept in zip(ts, mask, strict=True) if kept] for c, ts in self.texts.items()}
        return Pairs(self.images[torch.from_numpy(mask)], self.phash[mask], texts)


def main() -> None:
    params = json.loads(os.environ["MMREG_PARAMS"])
    seed = int(os.environ["MMREG_SEED"])
    size, column, epochs = params.get("model", "small"), params["text"], params["epochs"]
    torch.manual_seed(seed)
    model, tokenize = small_clip.create(size)
    heldout = unambiguous(read(os.environ["MMREG_EVAL_HELDOUT"], QUERIES))
    rows = read(os.environ["MMREG_DATA"], [column])
    if not len(heldout) or not len(rows):
        sys.exit(f"{len(rows)} pairs to learn from, {len(heldout)} to measure on: take a larger SIZE")
    near = near_any(rows.phash, heldout.phash)
    pairs = rows.keep(~near)
    print(f"{len(pairs)} pairs; {near.sum()} left out that look like one of {len(heldout)} held out", flush=True)

    # The budget counts the rows that were declared, so that versions of one size train equally long.
    batch = min(max(len(rows) // LEAST_STEPS, SMALLEST_BATCH), LARGEST_BATCH, len(pairs))
    steps = max(1, round(epochs * len(rows) / batch))
    started = time.monotonic()

    def report(step: int, loss: float) -> None:
        if step % 20 == 0 or step == steps - 1:
            print(f"step {step + 1}/{steps}  loss {loss:.2f}  {time.monotonic() - started:.0f} s", flush=True)

    tokens = tokenize(pairs.texts[column])
    small_clip.train(model, pairs.images, tokens, steps=steps, batch=batch, seed=seed, report=report)
    metrics = {
        "train_pairs": len(pairs), "train_left_out": int(near.sum()), "train_steps": steps,
        "train_seconds": round(time.monotonic() - started, 1), "heldout_pairs": len(heldout),
    } | measure(model, tokenize, heldout)  # fmt: skip
    output = Path(os.environ["MMREG_OUTPUT"])
    small_clip.save(model, size, output)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")


def read(ref: str, texts: Sequence[str]) -> Pairs:
    """The pairs of ``ref``. A text that is null becomes empty."""
    columns = ["pixels", "phash", *texts]
    rows = mmreg.open(ref).to_arrow(columns)
    pixels = np.frombuffer(b"".join(rows["pixels"].to_pylist()), np.uint8)
    side = small_clip.PIXELS
    return Pairs(
        torch.from_numpy(pixels.reshape(-1, side, side, 3).copy()),
        rows["phash"].to_numpy(),
        {column: [text or "" for text in rows[column].to_pylist()] for column in texts},
    )


def unambiguous(pairs: Pairs) -> Pairs:
    """The pairs whose picture and texts no other pair has: the rest have no one right answer."""
    facts = [pairs.phash.tolist(), *([text.casefold() for text in texts] for texts in pairs.texts.values())]
    alone = np.ones(len(pairs), np.bool_)
    for fact in facts:
        times = Counter(fact)
        alone &= np.array([times[value] == 1 for value in fact], np.bool_)
    return pairs.keep(alone)


def near_any(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of ``hashes`` lie within `NEAR` bits of one of ``others``."""
    near = np.zeros(len(hashes), np.bool_)
    for other in others:
        near |= np.bitwise_count(hashes ^ other) <= NEAR
    return near


def measure(model: CLIP, tokenize: small_clip.Tokenizer, heldout: Pairs) -> dict[str, float]:
    """Recall at 1, 5 and 10 by format of query and direction; ``r@k`` is text to image, the mean of formats.

    One model learned from titles, the other from captions: neither format alone would be fair to both.
    """
    found: dict[str, float] = {}
    for query in QUERIES:
        recall = small_clip.recall(model, heldout.images, tokenize(heldout.texts[query]))
        for direction, shares in recall.items():
            found |= {f"{query}_{direction}_r@{k}": share for k, share in shares.items()}
    mean = {f"r@{k}": sum(found[f"{q}_t2i_r@{k}"] for q in QUERIES) / len(QUERIES) for k in small_clip.RANKS}
    return {name: round(value, 4) for name, value in (mean | found).items()}


if __name__ == "__main__":
    main()
