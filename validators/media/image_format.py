"""image_format: pictures are of the format that their names and cells say."""

from __future__ import annotations

import posixpath

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.schemas.arrow import SOURCE
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.sources.image import sniff
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import media_column
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally, short

_ADDRESS = "_source.uri"
_FORMATS = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "apng": "PNG", "webp": "WEBP",
    "gif": "GIF", "bmp": "BMP", "dib": "BMP", "tif": "TIFF", "tiff": "TIFF",
    # Never right, as no cell has these formats:
    "svg": "SVG", "avif": "AVIF", "heic": "HEIC", "heif": "HEIC", "jp2": "JPEG 2000", "jxl": "JPEG XL", "ico": "ICO",
    "psd": "PSD", "eps": "EPS", "pdf": "PDF",
}  # fmt: skip
"""By suffix."""


class Arguments(Declared):
    column: str


class ImageFormat(RowCheck):
    """Every image begins as its recorded format and the suffix of its address say; null is not examined.

    The address is that of the cell where it is kept by reference, else the one of its row in the source. One without
    a suffix of images, as the lines of a JSON file have it, says nothing. Nothing is decoded.
    """

    media = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._column = media_column("image_format", table, parse_arguments(spec, Arguments).column, "image")
        named = SOURCE.name in table.schema.names
        self.columns = (self._column, _ADDRESS) if named else (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        images = cells(batch, self._column)
        addresses = pc.struct_field(images, "uri")
        if _ADDRESS in self.columns:
            addresses = pc.coalesce(addresses, cells(batch, _ADDRESS))
        starts = pc.binary_slice(pc.struct_field(images, "bytes"), 0, 32).to_pylist()
        names, recorded = addresses.to_pylist(), pc.struct_field(images, "format").to_pylist()
        wrong = [
            _wrong(*facts) if there else None
            for there, *facts in zip(pc.is_valid(images).to_pylist(), starts, names, recorded, strict=True)
        ]
        self._tally.add(
            batch,
            examined=len(images) - images.null_count,
            failed=pa.array([reason is not None for reason in wrong], pa.bool_()),
            describe=lambda row: (short(names[row] or recorded[row]), wrong[row] or ""),
        )

    def result(self) -> CheckResult:
        return self._tally.result("images are of another format than they say")


def _wrong(start: bytes | None, address: str | None, recorded: str | None) -> str | None:
    if start is None:
        return "its bytes are missing"
    found = sniff(start)
    if found is None:
        return "begins like no image"
    if recorded is not None and recorded != found:
        return f"is {found}, recorded as {recorded}"
    suffix = posixpath.splitext(address or "")[1].lower()
    if _FORMATS.get(suffix.lstrip("."), found) != found:
        return f"is {found}, named {suffix}"
    return None
