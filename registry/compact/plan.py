"""What compaction would do to a table, from its manifest alone: in steps, each of which is one commit.

A fragment is written anew where a good part of its rows are deleted, or where it and its neighbours fit into one:
these not above `CHEAP_BYTES` unless none of them is larger than the others together, so that a table that grows day by
day is not written anew day by day. Where it only has many small files these are packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from mmreg.registry.operations.pack import Fields, small_files
from mmreg.registry.operations.rewrite import FRAGMENT_BYTES, FRAGMENT_ROWS, bins, live_bytes, stored_bytes
from mmreg.schemas.compact import CompactStep, Shape

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

DELETED = 0.1
"""The share of deleted rows from which on a fragment is written anew."""
CHEAP_BYTES = 64 << 20
MOST_FILES = 4
"""Small files that a fragment may have."""
STEP_BYTES, STEP_FRAGMENTS = 512 << 20, 256
"""What one commit is about: while it is prepared, writers of the table wait."""


def find_steps(dataset: str, table: lance.LanceDataset) -> list[CompactStep]:
    """The steps for ``table`` as it is. None of them: it is compact."""
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    fields = Fields.of(table)
    deleted = {f.id for f in fragments if _deleted(f) > DELETED}
    candidates = {f.id for f in fragments if f.id in deleted or _is_small(f)}
    groups = [worth for group in bins(fragments, candidates) for worth in _worthwhile(group, deleted)]
    rewritten = {fragment.id for group in groups for fragment in group}
    others = [fragment for fragment in fragments if fragment.id not in rewritten]
    crowded = [[fragment] for fragment in others if len(small_files(fragment, fields)) > MOST_FILES]
    return [
        *(_step(dataset, "rewrite", part) for part in _portions(groups)),
        *(_step(dataset, "pack", part) for part in _portions(crowded)),
    ]


def shape(table: lance.LanceDataset) -> Shape:
    """How many fragments, files and bytes the newest version has."""
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    return Shape(
        fragments=len(fragments),
        files=sum(len(fragment.files) for fragment in fragments),
        bytes=sum(map(stored_bytes, fragments)),
        rows=sum(fragment.num_rows for fragment in fragments),
        deleted_rows=sum(fragment.physical_rows - fragment.num_rows for fragment in fragments),
    )


def _deleted(fragment: FragmentMetadata) -> float:
    return 1 - fragment.num_rows / max(fragment.physical_rows, 1)


def _is_small(fragment: FragmentMetadata) -> bool:
    return 2 * fragment.num_rows < FRAGMENT_ROWS and 2 * live_bytes(fragment) < FRAGMENT_BYTES


def _worthwhile(group: Sequence[FragmentMetadata], deleted: set[int]) -> Iterator[Sequence[FragmentMetadata]]:
    """``group``, or what of it is worth it: where its largest is too large, what is on either side of that."""
    sizes = [live_bytes(fragment) for fragment in group]
    if any(fragment.id in deleted for fragment in group):
        yield group
    elif len(group) > 1:
        if sum(sizes) <= CHEAP_BYTES or 2 * max(sizes) <= sum(sizes):
            yield group
        else:
            largest = sizes.index(max(sizes))
            yield from _worthwhile(group[:largest], deleted)
            yield from _worthwhile(group[largest + 1 :], deleted)


def _portions(groups: Iterable[Sequence[FragmentMetadata]]) -> Iterator[list[FragmentMetadata]]:
    """Whole groups together, as many as one commit is about."""
    together: list[FragmentMetadata] = []
    for group in groups:
        if together and not _fits_step([*together, *group]):
            yield together
            together = []
        together += group
    if together:
        yield together


def _fits_step(fragments: Sequence[FragmentMetadata]) -> bool:
    return len(fragments) <= STEP_FRAGMENTS and sum(map(stored_bytes, fragments)) <= STEP_BYTES


def _step(dataset: str, kind: Literal["rewrite", "pack"], fragments: Sequence[FragmentMetadata]) -> CompactStep:
    return CompactStep(
        dataset=dataset,
        kind=kind,
        fragments=tuple(fragment.id for fragment in fragments),
        rows=sum(fragment.num_rows for fragment in fragments),
        bytes=sum(map(stored_bytes, fragments)),
        deleted_rows=sum(fragment.physical_rows - fragment.num_rows for fragment in fragments),
    )
