"""The type vocabulary: declared columns as Arrow types. Pure; `pyarrow` is imported at module level.

A media cell is ``struct<bytes, uri, offset, length, sha256, format, ...facts>``. Inline cells have ``bytes`` and
no ``uri``; cells by reference have ``uri`` (relative to the dataset's media root, or absolute with a scheme),
``offset`` and ``length`` (bytes) and no ``bytes``. ``sha256`` is over the cell's bytes in both cases: fingerprints,
dedup and erasure read it, never the bytes again.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from mmreg.schemas.declaration import ColumnSpec, DatasetSpec

MediaKind = Literal["image", "audio", "video"]
MEDIA_KINDS: tuple[MediaKind, ...] = ("image", "audio", "video")

SAMPLE_ID = pa.field("sample_id", pa.binary(16), nullable=False)
SOURCE = pa.field("_source", pa.struct([pa.field("uri", pa.string()), pa.field("stamp", pa.uint64())]), nullable=False)
"""Where a row came from: its address within the source, and a digest of what can be seen of it without
reading media (sizes, modification times, the other cells), so that unchanged rows are never read again."""

STATE = pa.struct(
    [
        pa.field("generation", pa.uint64()),
        pa.field("inputs", pa.uint64()),
        pa.field("state", pa.int8()),
        pa.field("error", pa.string()),
        pa.field("outputs", pa.uint16()),
    ]
)
"""Pass state of one row; a null struct was never computed. ``state``: 1 done, 2 error. ``outputs`` are 16 bits over
the cells that the pass wrote: where they are others now, somebody else has written there."""
DONE, ERROR = 1, 2

_FACTS: dict[str, list[pa.Field[pa.DataType]]] = {
    "image": [pa.field("width", pa.int32()), pa.field("height", pa.int32()), pa.field("mode", pa.string())],
    "audio": [
        pa.field("sample_rate", pa.int32()), pa.field("channels", pa.int16()), pa.field("duration_ms", pa.int64())
    ],
    "video": [
        pa.field("width", pa.int32()), pa.field("height", pa.int32()),
        pa.field("duration_ms", pa.int64()), pa.field("fps", pa.float32()),
    ],
}  # fmt: skip

_MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
_PREFERENCE = pa.struct(
    [
        pa.field("prompt", pa.string()), pa.field("chosen", pa.string()), pa.field("rejected", pa.string()),
        pa.field("annotator_kind", pa.string()), pa.field("annotator", pa.string()),
    ]
)  # fmt: skip
_REF = pa.struct([pa.field("dataset", pa.string()), pa.field("sample_id", pa.binary(16))])
PARENT = pa.field("parent", _REF)
"""Of a row that a pass has made: the sample that it was made from; null where `ORIGIN` says from what else."""
ORIGIN = pa.field("origin", pa.string(), nullable=False)
"""Of a row that a pass has made: its name and generation, and what it says itself of where the row comes from."""
MADE_FOR = pa.field("_made_for", pa.binary(16), nullable=False)
"""Of a row that a pass has made: the sample with which it is made again, or goes."""

_SCALARS: dict[str, pa.DataType] = {
    "text": pa.string(), "string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"), "messages": _MESSAGES, "preference": _PREFERENCE, "ref": _REF,
}  # fmt: skip
_FLOATS: dict[str, pa.DataType] = {"float16": pa.float16(), "float32": pa.float32(), "float64": pa.float64()}


def media_type(kind: MediaKind) -> pa.StructType:
    """The struct of one media cell of ``kind``."""
    return pa.struct(
        [
            pa.field("bytes", pa.large_binary()),
            pa.field("uri", pa.string()),
            pa.field("offset", pa.int64()),
            pa.field("length", pa.int64()),
            pa.field("sha256", pa.binary(32)),
            pa.field("format", pa.string()),
            *_FACTS[kind],
        ]
    )


def arrow_type(column: ColumnSpec) -> pa.DataType:
    """The Arrow type of a declared column."""
    if column.type == "embedding":
        assert column.dim is not None
        return pa.list_(_FLOATS[column.dtype], column.dim)
    if column.type == "list":
        assert column.items is not None
        return pa.list_(arrow_type(ColumnSpec(type=column.items)))
    if column.type in MEDIA_KINDS:
        return media_type(column.type)
    return _SCALARS[column.type]


def dataset_schema(name: str, spec: DatasetSpec) -> pa.Schema:
    """The schema of a root dataset: ``sample_id``, the declared columns in order, ``_source``."""
    declared = [
        pa.field(key, arrow_type(column), metadata={b"mmreg.type": _label(column)})
        for key, column in spec.columns.items()
    ]
    return pa.schema([SAMPLE_ID, *declared, SOURCE], metadata={b"mmreg.dataset": name.encode()})


def state_column(pass_name: str) -> str:
    """The name of the column that keeps a pass's state."""
    return f"_mmreg_{pass_name}"


def media_kind(dtype: pa.DataType) -> MediaKind | None:
    """Which kind of media cell ``dtype`` is, if it is one."""
    return next((kind for kind in MEDIA_KINDS if dtype.equals(media_type(kind))), None)


def _label(column: ColumnSpec) -> bytes:
    return (f"list<{column.items}>" if column.type == "list" else column.type).encode()
