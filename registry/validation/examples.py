"""The values of failing samples that a report shows: they are not kept, so they are read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmreg.registry.erase.tombstones import ids_of
from mmreg.registry.identity import fixed_width
from mmreg.registry.lake import reading
from mmreg.registry.part import Part
from mmreg.registry.validation.look import Look
from mmreg.registry.validation.pieces import IDS, Piece
from mmreg.registry.validation.reading import fragments_of, read_pieces
from mmreg.schemas.check import CheckResult

_Place = tuple[int, int]
"""Of a fragment: the number of its root, and its place there."""


def with_values(results: Sequence[CheckResult], looks: Sequence[Look], parts: Sequence[Part]) -> list[CheckResult]:
    """The results of ``looks``, each example that lacks its value with what the check says of that row by itself.

    Of what was looked at just now it is known. Else it reads the sample ids of the fragments in which the samples lie,
    once, and of the samples what each check reads.
    """
    lacking = [dict(_lacking(result, look)) for result, look in zip(results, looks, strict=True)]
    wanted: dict[_Place, tuple[Piece, set[str]]] = {}
    for samples in lacking:
        for sample, piece in samples.items():
            wanted.setdefault((piece.part, piece.place), (piece, set()))[1].add(sample)
    row_ids = {at: _find(parts[piece.part], piece, sorted(samples)) for at, (piece, samples) in wanted.items()}
    return [
        replace(result, examples=tuple(told.get(one["sample_id"], one) for one in result.examples))
        for result, look, samples in zip(results, looks, lacking, strict=True)
        for told in [look.said | _said(look, parts, samples, row_ids)]
    ]


def _lacking(result: CheckResult, look: Look) -> Iterator[tuple[str, Piece]]:
    for one in result.examples:
        sample = one["sample_id"]
        if "value" not in one and sample not in look.said and (piece := look.shown.get(sample)) is not None:
            yield sample, piece


def _find(part: Part, piece: Piece, samples: Sequence[str]) -> dict[str, int]:
    """The row ids of ``samples``, which lie in the fragment of ``piece``."""
    wanted = ids_of(samples)
    found: dict[str, int] = {}
    with reading(part.ref):
        scanner = part.table.scanner(
            columns=["sample_id"], with_row_id=True, batch_size=IDS, fragments=fragments_of(part, [piece])
        )
        for batch in scanner.to_batches():
            for row in np.flatnonzero(np.isin(fixed_width(batch.column("sample_id")), wanted)).tolist():
                found[batch.column("sample_id")[row].as_py().hex()] = batch.column("_rowid")[row].as_py()
            if len(found) == len(samples):
                break
    return found


def _said(
    look: Look, parts: Sequence[Part], samples: Mapping[str, Piece], row_ids: Mapping[_Place, Mapping[str, int]]
) -> dict[str, Mapping[str, str]]:
    """What the check says of ``samples``, by their ids: piece by piece, as it may look at media."""
    by_piece: dict[Piece, list[int]] = defaultdict(list)
    for sample, piece in samples.items():
        if (row_id := row_ids[piece.part, piece.place].get(sample)) is not None:
            by_piece[piece].append(row_id)
    told: dict[str, Mapping[str, str]] = {}
    for piece, ids in by_piece.items():
        alone = replace(piece, rows=len(ids), row_ids=np.array(ids, np.uint64), sparse=True)
        check = look.declared.load(look.table)
        columns = list(dict.fromkeys(["sample_id", *check.columns]))
        with look.declared.blamed():
            for _, batch in read_pieces(parts[piece.part], [alone], columns, media=check.media):
                check.update(batch)
            told |= {one["sample_id"]: one for one in check.result().examples}
    return told
