"""image_size: pictures are neither too small nor too large, by what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import media_column
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally

Sides = NDArray[np.int64]


class Arguments(Declared):
    column: str
    min_width: int | None = Field(None, gt=0, lt=2**63)
    min_height: int | None = Field(None, gt=0, lt=2**63)
    max_width: int | None = Field(None, gt=0, lt=2**63)
    max_height: int | None = Field(None, gt=0, lt=2**63)
    max_pixels: int | None = Field(None, gt=0, lt=2**63)
    max_aspect: float | int | None = Field(None, ge=1, allow_inf_nan=False)

    @model_validator(mode="after")
    def _demanding(self) -> Arguments:
        if not self.model_dump(exclude={"column"}, exclude_none=True):
            raise ValueError("needs a bound: min_width, min_height, max_width, max_height, max_pixels or max_aspect")
        for low, high in (("min_width", "max_width"), ("min_height", "max_height")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"{low} {least} is above {high} {most}")
        return self


class ImageSize(RowCheck):
    """The recorded width and height of every image are within the bounds; null is not examined.

    No byte of an image is read: `image_decodes` compares what is recorded with the picture. An aspect is the longer
    side divided by the shorter one. An image of which no size is recorded fails.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._bounds = parse_arguments(spec, Arguments)
        self._column = column = media_column("image_size", table, self._bounds.column, "image")
        self.columns = (f"{column}.width", f"{column}.height", f"{column}.sha256")
        self._tally = Tally(spec, column)

    def update(self, batch: pa.RecordBatch) -> None:
        width, height, digest = (cells(batch, path) for path in self.columns)
        sized = _true(pc.and_(pc.is_valid(width), pc.is_valid(height)))
        there = sized | _true(pc.is_valid(digest))
        wide, high = (_numbers(side) for side in (width, height))
        wrong = there & ~sized
        for _, outside in self._rules(wide, high):
            wrong |= sized & outside

        def describe(row: int) -> tuple[str, str]:
            if not sized[row]:
                return "<image>", "no size is recorded"
            reasons = [
                reason for reason, outside in self._rules(wide[row : row + 1], high[row : row + 1]) if outside[0]
            ]
            return f"{wide[row]} x {high[row]}", ", ".join(reasons)

        self._tally.add(batch, examined=int(there.sum()), failed=pa.array(wrong), describe=describe)

    def result(self) -> CheckResult:
        return self._tally.result("images are too small, too large or too long")

    def _rules(self, wide: Sides, high: Sides) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Each declared bound in words, and which images are outside it."""
        bounds = self._bounds
        if bounds.min_width is not None:
            yield f"width below {bounds.min_width:,}", wide < bounds.min_width
        if bounds.max_width is not None:
            yield f"width above {bounds.max_width:,}", wide > bounds.max_width
        if bounds.min_height is not None:
            yield f"height below {bounds.min_height:,}", high < bounds.min_height
        if bounds.max_height is not None:
            yield f"height above {bounds.max_height:,}", high > bounds.max_height
        if bounds.max_pixels is not None:
            yield f"more than {bounds.max_pixels:,} pixels", wide * high > bounds.max_pixels
        if bounds.max_aspect is not None:
            longer, shorter = np.maximum(wide, high), np.minimum(wide, high)
            yield f"aspect above {bounds.max_aspect:g}", longer > float(bounds.max_aspect) * shorter


def _true(mask: Any) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = mask.to_numpy(zero_copy_only=False).astype(bool)
    return found


def _numbers(side: pa.Array[Any]) -> Sides:
    return side.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
