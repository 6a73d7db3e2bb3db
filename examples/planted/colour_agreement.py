"""A pass that looks whether the colours that a caption names are in its picture: a small model of compatibility."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from drawing import COLOURS, SIDE

from mmreg.curation.decode import Undecodable, rgb
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope

NEAR = 60
"""A pixel is of a colour where it is so near to it, as a Euclidean distance of red, green and blue from 0 to 255."""
LEAST = SIDE * SIDE * 0.004
"""Pixels of a colour that make it seen."""
MOST = 4_000_000
"""Pixels of a picture that is looked at."""


class ColourAgreement:
    """The share of colours in which caption and picture agree: both have it, of those that one of them has."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image", "text": "text"}
    allow: ClassVar[Collection[str]] = ()

    def __init__(self, recipe: Recipe) -> None:
        """There are no parameters."""

    def outputs(self) -> pa.Schema:
        return pa.schema([("agreement", pa.float32())])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        pairs = zip(batch["image"].to_pylist(), batch["text"].to_pylist(), strict=True)
        answers = [self._answer(image, text) for image, text in pairs]
        return pa.RecordBatch.from_pylist(answers, self.outputs().append(pa.field("error", pa.string())))

    def _answer(self, image: Mapping[str, bytes] | None, text: str | None) -> dict[str, object]:
        if text is None:
            return {"error": "null_value: there is no caption"}
        try:
            pixels = np.asarray(rgb(image["bytes"] if image is not None else None, MOST), dtype=np.int32)
        except Undecodable as reason:
            return {"error": str(reason)}
        seen = {name for name, colour in COLOURS.items() if _count(pixels, colour) >= LEAST}
        named = set(re.findall("|".join(COLOURS), text))
        return {"agreement": len(seen & named) / len(seen | named) if seen | named else 0.0}


def _count(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((((pixels - np.array(colour)) ** 2).sum(axis=2) < NEAR**2).sum())
