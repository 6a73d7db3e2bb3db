"""Replacing the rows of a derived dataset: a table of sorted row ids of its root, with a split where it has any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lance
    import pyarrow as pa
    from lance.fragment import FragmentMetadata


def replace_rows(schema: pa.Schema, fragments: list[FragmentMetadata]) -> lance.LanceOperation.BaseOperation:
    """Everything new. With no retries Lance refuses an Overwrite that is not the very next version."""
    import lance

    return lance.LanceOperation.Overwrite(schema, fragments)
