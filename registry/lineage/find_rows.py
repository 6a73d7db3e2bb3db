"""Media cells and samples by a digest. Of media the digests alone are read, with the filter pushed down to Lance; of
lists of media, which Lance reads as a whole, everything, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mmreg.registry.samples import beginning_with
from mmreg.schemas.arrow import SAMPLE_ID, media_kind
from mmreg.schemas.cells import values
from mmreg.schemas.find import Hit
from mmreg.schemas.fingerprint import LIGHT_ROWS, LIST_ROWS, is_media_list

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.part import Part
    from mmreg.registry.workspace import Workspace

SHOWN = 20
"""Media cells of one column that are told one by one; the rest is counted with the last."""
ID_DIGITS, MEDIA_DIGITS = 32, 64


def places(workspace: Workspace) -> list[VersionRow]:
    """The newest version of every root that is in the lake."""
    names = [summary.name for summary in workspace.catalog.datasets() if summary.kind == "root"]
    return [row for name in names if not (row := workspace.latest(name)).removed_by]


def find_rows(workspace: Workspace, row: VersionRow, digits: str) -> Iterator[Hit]:
    """The samples of a version whose id, and the media in it whose SHA-256, begins with ``digits``."""
    for part in workspace.open_version(row.ref).parts:
        if len(digits) <= ID_DIGITS:
            for batch in part.batches([SAMPLE_ID.name], beginning_with(SAMPLE_ID.name, digits, ID_DIGITS), LIGHT_ROWS):
                for sample in values(batch.column(0)):
                    yield Hit("sample", sample.hex(), row.ref, f"mmreg why {row.ref} {sample.hex()}")
        for field in part.table.schema:
            if media_kind(field.type) is not None:
                yield from _told(row, field.name, _cells(part, field.name, digits))
            elif is_media_list(field.type):
                yield from _told(row, field.name, _items(part, field.name, digits))


def _cells(part: Part, column: str, digits: str) -> Iterator[tuple[bytes, bytes]]:
    """Sample and digest of each cell."""
    name = f"{column}.sha256"
    for batch in part.batches([SAMPLE_ID.name, name], beginning_with(name, digits, MEDIA_DIGITS), LIGHT_ROWS):
        yield from zip(values(batch.column(0)), values(batch.column(1)), strict=True)


def _items(part: Part, column: str, digits: str) -> Iterator[tuple[bytes, bytes]]:
    for batch in part.batches([SAMPLE_ID.name, column], None, LIST_ROWS):
        cells: Any = batch.column(1)
        owners: Any = pc.list_parent_indices(cells)
        digests: Any = pc.struct_field(pc.list_flatten(cells), "sha256")
        samples = values(batch.column(0))
        for owner, digest in zip(owners.to_pylist(), digests.to_pylist(), strict=True):
            if digest is not None and digest.hex().startswith(digits):
                yield samples[owner], digest


def _told(row: VersionRow, column: str, found: Iterator[tuple[bytes, bytes]]) -> Iterator[Hit]:
    shown, more, last = 0, 0, b""
    for sample, digest in found:
        if shown < SHOWN:
            yield Hit("media", digest.hex(), row.ref, f"{column} of sample {sample.hex()}")
            shown += 1
        else:
            more, last = more + 1, digest
    if more:
        yield Hit("media", last.hex(), row.ref, f"{column} of more samples", more)
