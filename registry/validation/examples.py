"""The values of failing samples that a report shows: they are not kept, so they are read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmreg.registry.erase.tombstones import ids_of
from mmreg.registry.identity import fixed_width
from mmreg.registry.lake import reading
from mmreg.registry.part import Part
from mmreg.registry.validation.look import Look
from mmreg.registry.validation.pieces import IDS, Piece, Pieces, RowIds
from mmreg.registry.validation.reading import fragments_of, read_pieces
from mmreg.schemas.check import CheckResult


def with_values(result: CheckResult, look: Look, pieces: Pieces) -> CheckResult:
    """``result``, each example that lacks its value with what the check says of that row by itself.

    Reads the sample ids of the fragments in which they lie, and of the samples what the check reads.
    """
    lacking: dict[Piece, list[str]] = {}
    for one in result.examples:
        if "value" not in one and (piece := look.shown.get(one["sample_id"])) is not None:
            lacking.setdefault(piece, []).append(one["sample_id"])
    told: dict[str, Mapping[str, str]] = {}
    for piece, samples in lacking.items():
        told |= _said(look, pieces.parts[piece.part], piece, samples)
    return replace(result, examples=tuple(told.get(one["sample_id"], one) for one in result.examples))


def _said(look: Look, part: Part, piece: Piece, samples: Sequence[str]) -> dict[str, Mapping[str, str]]:
    row_ids = _find(part, piece, samples)
    alone = replace(piece, rows=len(row_ids), row_ids=row_ids, sparse=True)
    check = look.declared.load(look.table)
    columns = list(dict.fromkeys(["sample_id", *check.columns]))
    with look.declared.blamed():
        for _, batch in read_pieces(part, [alone], columns, media=check.media):
            check.update(batch)
        return {one["sample_id"]: one for one in check.result().examples}


def _find(part: Part, piece: Piece, samples: Sequence[str]) -> RowIds:
    wanted = ids_of(samples)
    found = [np.empty(0, np.uint64)]
    with reading(part.ref):
        scanner = part.table.scanner(
            columns=["sample_id"],
            with_row_id=True,
            batch_size=IDS,
            scan_in_order=True,
            fragments=fragments_of(part, [piece]),
        )
        for batch in scanner.to_batches():
            here = np.isin(fixed_width(batch.column("sample_id")), wanted)
            found.append(batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)[here])
    return np.concatenate(found)
