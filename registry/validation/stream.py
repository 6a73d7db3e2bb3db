"""Leading looks through the pieces of a version together: what several of them read is read once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from mmreg.registry.validation.look import Look
from mmreg.registry.validation.pieces import Piece, Pieces
from mmreg.registry.validation.reading import is_unread, read_pieces
from mmreg.registry.validation.references import without_files
from mmreg.schemas.progress import Progress


def stream(pieces: Pieces, looks: Sequence[Look], *, media: bool, label: str, progress: Progress) -> None:
    """Lead ``looks``, which are all of media or none of them, through ``pieces`` in their order.

    Reads a piece where somebody wants to look at it, and no column that nobody looks at there.
    """
    keyed = [pieces.keys(look.check.columns) for look in looks]
    if media:
        _forget_what_is_gone(pieces, looks, keyed)
    steps = [
        (piece, [(look, keys[at], look.wants(keys[at])) for look, keys in zip(looks, keyed, strict=True)])
        for at, piece in enumerate(pieces.each)
    ]
    if rows := sum(piece.rows for piece, asked in steps if any(wants for *_, wants in asked)):
        progress.start(label, rows)
    for _, run in groupby(steps, key=lambda step: (step[0].part, step[0].sparse, [wants for *_, wants in step[1]])):
        _together(pieces, list(run), media=media, progress=progress)
    if rows:
        progress.done()


def _forget_what_is_gone(pieces: Pieces, looks: Sequence[Look], keyed: Sequence[Sequence[str]]) -> None:
    """Have looks look again at what they know, but whose files are not there any more."""
    columns = sorted({column for look in looks for column in look.check.columns})
    for number, part in enumerate(pieces.parts):
        mine = [(at, piece) for at, piece in enumerate(pieces.each) if piece.part == number]
        known = [
            piece for at, piece in mine if any(keys[at] in look.known for look, keys in zip(looks, keyed, strict=True))
        ]
        gone = without_files(part, known, columns)
        for at, piece in mine:
            if piece in gone:
                for look, keys in zip(looks, keyed, strict=True):
                    look.known.pop(keys[at], None)


_Step = tuple[Piece, list[tuple[Look, str, bool]]]
"""A piece, and for each look its key there and whether it wants to look at it."""


def _together(pieces: Pieces, steps: Sequence[_Step], *, media: bool, progress: Progress) -> None:
    """Pieces one after the other of one root which the same looks want: with one scan."""
    keys = {piece.place: {id(look): key for look, key, _ in asked} for piece, asked in steps}
    looking = [look for look, _, wants in steps[0][1] if wants]
    if looking:
        columns = list(dict.fromkeys(["sample_id", *(column for look in looking for column in look.check.columns)]))
        part = pieces.parts[steps[0][0].part]
        batches = read_pieces(part, [piece for piece, _ in steps], columns, media=media)
        for piece, group in groupby(batches, key=lambda read: read[0]):
            for look in looking:
                look.begin()
            keep = True
            for _, batch in group:
                keep = keep and not (media and is_unread(batch))
                for look in looking:
                    look.update(batch)
                progress.advance(batch.num_rows)
            for look in looking:
                look.end(piece, keys[piece.place][id(look)], keep=keep)
    for piece, asked in steps:
        for look, key, wants in asked:
            if not wants:
                look.pass_over(piece, key)
