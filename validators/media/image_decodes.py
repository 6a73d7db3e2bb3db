"""image_decodes: the bytes of every image are a whole picture."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, UnidentifiedImageError
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check import CheckResult
from mmreg.schemas.declaration import CheckSpec, Declared, Limits
from mmreg.sources.image import refuse_bomb
from mmreg.sources.record import Refused
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.pictures import FORMATS, MOST_PIXELS, strict
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally

_THREADS = min(4, os.cpu_count() or 1)


class Arguments(Declared):
    column: str
    max_pixels: int = Field(Limits.model_fields["max_pixels"].default, gt=0, le=MOST_PIXELS)


class ImageDecodes(RowCheck):
    """Every image decodes to its last pixel and has at most max_pixels; null is not examined.

    Of an animation the first frame counts. The header is read first: an image above the limit is never
    decoded. Up to four threads decode (Pillow releases the interpreter), each holding at most ``max_pixels``
    of four bytes.
    """

    media = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        dtype = table.type(arguments.column)
        if media_kind(dtype) != "image":
            raise UsageError(f"image_decodes: {arguments.column} is {dtype}, not a column of images")
        self._max_pixels = arguments.max_pixels
        self._column = arguments.column
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        images = cells(batch, self._column)
        data = pc.struct_field(images, "bytes")
        rows = pc.indices_nonzero(pc.is_valid(images)).to_pylist()
        with strict(), ThreadPoolExecutor(_THREADS) as pool:
            found = pool.map(lambda row: self._defect(data[row].as_py()), rows)
            defects = dict(zip(rows, found, strict=True))
        self._tally.add(
            batch,
            examined=len(rows),
            failed=pa.array([defects.get(row) is not None for row in range(batch.num_rows)], pa.bool_()),
            describe=lambda row: (_size(data[row].as_py()), defects[row] or ""),
        )

    def result(self) -> CheckResult:
        return self._tally.result("images do not decode")

    def _defect(self, data: bytes | None) -> str | None:
        """What is wrong with one image, None where nothing is."""
        if data is None:
            return "its bytes are missing"
        try:
            refuse_bomb(data, self._max_pixels)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > self._max_pixels:
                    return f"{image.width} x {image.height} pixels, above the limit of {self._max_pixels:,}"
                image.load()
        except Refused as refused:
            return refused.detail
        except UnidentifiedImageError:
            return f"not an image ({', '.join(FORMATS)})"
        except Image.DecompressionBombError:
            return f"too many pixels, above the limit of {self._max_pixels:,}"
        except Exception as error:  # decoders raise anything on damaged bytes; all of it is an answer
            return f"does not decode: {error or type(error).__name__}"
        return None


def _size(data: bytes | None) -> str:
    return "<image>" if data is None else f"<image, {len(data):,} bytes>"
