"""Adding and removing rows of a root dataset in one commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lance
    import pyarrow as pa
    from lance.fragment import FragmentMetadata


def create(schema: pa.Schema, fragments: Sequence[FragmentMetadata]) -> lance.LanceOperation.BaseOperation:
    """The first version of a table."""
    import lance

    return lance.LanceOperation.Overwrite(schema, list(fragments))


def change_rows(
    table: lance.LanceDataset, added: Sequence[FragmentMetadata], removed: NDArray[np.uint64]
) -> lance.LanceOperation.BaseOperation:
    """Add the rows of fragments already written and remove those with the row ids in ``removed``.

    Raises `LookupError` where a row to remove is no longer there.
    """
    import lance

    fragments = {fragment.fragment_id: fragment for fragment in table.get_fragments()}
    if not fragments:
        # Nothing to conflict with: an Overwrite of no rows, refused by Lance unless it is the very next version.
        return lance.LanceOperation.Overwrite(table.lance_schema, list(added))
    updated: dict[int, FragmentMetadata] = {}
    emptied: list[int] = []
    for fragment_id, offsets in _offsets(table, removed).items():
        metadata = fragments[fragment_id].delete_rows(offsets)
        if metadata is None:
            emptied.append(fragment_id)
        else:
            updated[fragment_id] = metadata
    first = min(fragments)
    if first not in emptied:
        updated.setdefault(first, fragments[first].metadata)
    return lance.LanceOperation.Update(
        removed_fragment_ids=emptied,
        updated_fragments=list(updated.values()),
        new_fragments=list(added),
        update_mode="rewrite_rows",
    )


def _offsets(table: lance.LanceDataset, row_ids: NDArray[np.uint64]) -> dict[int, list[int]]:
    if not len(row_ids):
        return {}
    found = table._take_rows(row_ids.tolist(), columns=["_rowaddr"])["_rowaddr"].to_numpy()
    if len(found) != len(row_ids):
        raise LookupError(f"{len(row_ids) - len(found)} rows are no longer there")
    by_fragment: dict[int, list[int]] = defaultdict(list)
    for address in found.tolist():
        by_fragment[address >> 32].append(address & 0xFFFFFFFF)
    return by_fragment
