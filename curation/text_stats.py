"""The pass ``text_stats``: what can be counted in a text without a model.

| output | type | |
|---|---|---|
| n_chars | int32 | Unicode code points |
| n_words | int32 | runs between white space (Unicode's) |
| alpha_ratio | float32 | letters / characters |
| digit_ratio | float32 | decimal digits / characters |
| upper_ratio | float32 | upper-case letters / characters |
| non_ascii_ratio | float32 | characters beyond ASCII / characters |
| unique_ratio | float32 | distinct words, case folded / words: low is repetitive |

Letters and digits are those of every script (Unicode's categories L and Nd). An empty text is no error: its
counts and ratios are 0. A null is an error row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope

_OUTPUTS: dict[str, pa.DataType] = {
    "n_chars": pa.int32(),
    "n_words": pa.int32(),
    "alpha_ratio": pa.float32(),
    "digit_ratio": pa.float32(),
    "upper_ratio": pa.float32(),
    "non_ascii_ratio": pa.float32(),
    "unique_ratio": pa.float32(),
}


@dataclass(frozen=True)
class Params:
    """There are none."""


class TextStats:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"text": "text"}
    allow: ClassVar[Collection[str]] = ("constant",)

    def __init__(self, recipe: Recipe) -> None:
        read_params("text_stats", Params, recipe.params)

    def outputs(self) -> pa.Schema:
        return pa.schema(_OUTPUTS)

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = [_row(text) for text in batch.column("text").to_pylist()]
        return pa.RecordBatch.from_pylist(rows, pa.schema({**_OUTPUTS, "error": pa.string()}))


def _row(text: str | None) -> dict[str, Any]:
    if text is None:
        return {"error": "null_value: there is no text"}
    words = text.split()
    chars = len(text)
    return {
        "n_chars": chars,
        "n_words": len(words),
        "alpha_ratio": _ratio(sum(map(str.isalpha, text)), chars),
        "digit_ratio": _ratio(sum(map(str.isdecimal, text)), chars),
        "upper_ratio": _ratio(sum(map(str.isupper, text)), chars),
        "non_ascii_ratio": _ratio(chars - len(text.encode("ascii", "ignore")), chars),
        "unique_ratio": _ratio(len({word.casefold() for word in words}), len(words)),
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
