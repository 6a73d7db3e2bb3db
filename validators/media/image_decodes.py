"""image_decodes: the bytes of every image are a whole picture."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declaration import Limits
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.decode import Undecodable, header
from mmreg.validators.media.measured import media_column
from mmreg.validators.media.picture_look import PictureLook, Pictures
from mmreg.validators.media.pictures import MOST_PIXELS, strict
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally

_WORDS = {"not_an_image": "not an image: ", "unreadable": "does not decode: "}


class Arguments(Declared):
    column: str
    max_pixels: int = Field(Limits.model_fields["max_pixels"].default, gt=0, le=MOST_PIXELS)


class ImageDecodes(RowCheck):
    """Every image decodes to its last pixel and has at most max_pixels; null is not examined.

    Of an animation the first frame counts. The header is read first: an image above the limit is never
    decoded. Where a cell tells width and height they are those of its picture, or it fails.
    """

    version = "2"
    media = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._column = media_column("image_decodes", table, arguments.column, "image")
        self._max_pixels = arguments.max_pixels
        self._pictures = table.shared(Pictures)
        self._pictures.want(max_pixels=self._max_pixels)
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        images = cells(batch, self._column)
        data = pc.struct_field(images, "bytes")
        sizes = zip(*(pc.struct_field(images, side).to_pylist() for side in ("width", "height")), strict=True)
        there = pc.is_valid(images).to_pylist()
        with strict():
            defects = [
                self._defect(data[row], look, size) if there[row] else None
                for row, (look, size) in enumerate(zip(self._pictures.at(images), sizes, strict=True))
            ]
        self._tally.add(
            batch,
            examined=len(images) - images.null_count,
            failed=pa.array([defect is not None for defect in defects], pa.bool_()),
            describe=lambda row: (_shown(data[row].as_py()), defects[row] or ""),
        )

    def result(self) -> CheckResult:
        return self._tally.result("images do not decode")

    def _defect(
        self, data: pa.LargeBinaryScalar, look: PictureLook | None, recorded: tuple[int | None, int | None]
    ) -> str | None:
        """What is wrong with one image, None where nothing is."""
        if look is None:
            return "its bytes are missing"
        if self._max_pixels < self._pictures.max_pixels:  # others let larger pictures be decoded
            try:
                header(data.as_py(), self._max_pixels)
            except Undecodable as reason:
                return _told(reason.code, reason.detail)
        if look.defect is not None:
            return _told(*look.defect)
        if None not in recorded and recorded != (look.width, look.height):
            return f"{look.width} x {look.height} pixels, recorded as {recorded[0]} x {recorded[1]}"
        return None


def _told(code: str, detail: str) -> str:
    return _WORDS.get(code, "") + detail


def _shown(data: bytes | None) -> str:
    return "<image>" if data is None else f"<image, {len(data):,} bytes>"
