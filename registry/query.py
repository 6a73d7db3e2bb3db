"""Rows as plain values, for people: media cells tell their facts, never their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.registry.read import Reader
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.refs import VersionRef

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def rows(
    workspace: Workspace,
    ref: VersionRef,
    *,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Stream rows of ``ref`` as dictionaries in the order of the root; of media only digest and facts are read."""
    reader = workspace.open_version(ref)
    wanted = list(columns) if columns is not None else reader.schema.names
    light = _light(reader, wanted)
    for batch in reader.batches(light, where=where, limit=limit, media=False):
        for row in batch.to_pylist():
            yield {name: _value(row, name, reader.full_schema) for name in wanted}


def _light(reader: Reader, wanted: list[str]) -> list[str]:
    schema = reader.full_schema
    out: list[str] = []
    for name in wanted:
        kind = media_kind(schema.field(name).type) if name in schema.names else None
        out += (
            [f"{name}.{child.name}" for child in schema.field(name).type if child.name != "bytes"] if kind else [name]
        )
    return out


def _value(row: dict[str, Any], name: str, schema: pa.Schema) -> Any:
    if name in row:
        return plain(row[name])
    return {
        child.name: plain(row[f"{name}.{child.name}"])
        for child in schema.field(name).type
        if child.name != "bytes" and row[f"{name}.{child.name}"] is not None
    }


def plain(value: Any) -> Any:
    """A cell as a plain value: bytes in hexadecimal, media without theirs."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if key != "bytes"}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
