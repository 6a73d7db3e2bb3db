"""Small pictures of a few samples, for reports: of just those rows, decoded and made anew."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mmreg.registry.erase.tombstones import ids_of
from mmreg.registry.lake import reading
from mmreg.registry.media import with_bytes
from mmreg.registry.part import Part
from mmreg.registry.samples import rows_of_samples
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import values

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

_ID = re.compile("[0-9a-f]{32}")
SIDE = 96
"""Pixels on the longer side of a thumbnail."""
_AT_ONCE = 4
"""Rows whose media are in memory together."""


def thumbnails(workspace: Workspace, ref: str, column: str | None, sample_ids: Sequence[str]) -> Mapping[str, bytes]:
    """JPEGs of the samples' pictures in ``column``, or where it holds none in the first column of ``ref`` that does.

    By sample id, in hexadecimal. What is erased, missing, too large or does not decode is left out. Nothing of the
    files goes along but their pixels. Streams ``sample_id``, 16 bytes a row, and reads no other row's media.
    """
    reader = workspace.open_version(ref)
    pictures = [field.name for field in reader.schema if media_kind(field.type) == "image"]
    known = [sample for sample in sample_ids if _ID.fullmatch(sample)]  # a plug-in may say anything
    if not pictures or not known:
        return {}
    start = (column or "").partition(".")[0]
    name = start if start in pictures else pictures[0]
    made = {}
    for part in reader.parts:
        for batch in _rows(part, name, known):
            for sample, cell in zip(values(batch.column("sample_id")), values(batch.column(name)), strict=True):
                if (small := _small(cell and cell["bytes"])) is not None:
                    made[sample.hex()] = small
    return made


def _rows(part: Part, column: str, sample_ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
    row_ids = rows_of_samples(part.table, ids_of(sample_ids))
    row_ids = row_ids[~np.isin(row_ids, part.erased)]
    for start in range(0, len(row_ids), _AT_ONCE):
        with reading(part.ref):
            rows = part.table._take_rows(row_ids[start : start + _AT_ONCE].tolist(), columns=["sample_id", column])
        for batch in rows.to_batches():
            yield with_bytes(batch, part.media_root, tolerant=True)


def _small(data: bytes | None) -> bytes | None:
    from mmreg.validators.media.decode import Undecodable, rgb
    from mmreg.validators.media.pictures import strict

    try:
        with strict():
            picture = rgb(data)
    except Undecodable:
        return None
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    # A picture of its own: else what came with the file (Exif, profiles, comments) may be written along.
    fresh = picture.copy()
    fresh.info.clear()
    fresh.save(file, "JPEG", quality=75)
    return file.getvalue()
