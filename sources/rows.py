"""From accepted records to Arrow batches of bounded size; what is refused is kept beside them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mmreg.errors import IntegrityError
from mmreg.schemas.arrow import SAMPLE_ID, dataset_schema
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.columns import media_columns, open_column
from mmreg.sources.protocol import Rejected, SourceBatch
from mmreg.sources.record import Record, Refused

_ROWS = 4096
_BYTES = 32 * 1024 * 1024
_DETAIL = 500


class RowBuilder:
    """Accepted rows and refusals on their way into one `SourceBatch`."""

    def __init__(self, name: str, spec: DatasetSpec) -> None:
        limits = spec.source.limits
        self._columns = {key: open_column(column, limits) for key, column in spec.columns.items()}
        self._nullable = {key for key, column in spec.columns.items() if column.nullable}
        media = media_columns(spec.columns)
        # Media last: a record that fails by its text costs no reading.
        self._order = sorted(self._columns, key=lambda key: key in media)
        schema = dataset_schema(name, spec)
        self._schema = schema.remove(schema.get_field_index(SAMPLE_ID.name))
        self._clear()

    @property
    def full(self) -> bool:
        return len(self._sources) >= _ROWS or len(self._rejected) >= _ROWS or self._bytes >= _BYTES

    @property
    def empty(self) -> bool:
        return not self._sources and not self._rejected

    def add(self, record: Record) -> None:
        try:
            row = self._accept(record)
        except Refused as refused:
            detail = refused.detail[:_DETAIL]
            self._rejected.append(Rejected(record.address, refused.reason, detail, record.stamp))
            return
        self._sources.append((record.address, record.stamp))
        for key, value in row.items():
            self._values[key].append(value)
            if value is not None:
                self._bytes += self._columns[key].weight(value)

    def take(self) -> SourceBatch:
        uris, stamps = zip(*self._sources, strict=True) if self._sources else ((), ())
        field = self._schema.field("_source")
        source = pa.StructArray.from_arrays(
            [pa.array(uris, pa.string()), pa.array(stamps, pa.uint64())], fields=list(field.type)
        )
        arrays = [column.array(self._values[key]) for key, column in self._columns.items()]
        rows = pa.RecordBatch.from_arrays([*arrays, source], schema=self._schema)
        try:
            rows.validate(full=True)
        except pa.ArrowInvalid as error:
            # Lance would write it, and then never read it again.
            raise IntegrityError(f"the source made a batch that Arrow refuses: {error}") from error
        batch = SourceBatch(rows, tuple(self._rejected))
        self._clear()
        return batch

    def _accept(self, record: Record) -> dict[str, Any]:
        if record.refused is not None:
            raise record.refused
        row = {}
        for key in self._order:
            value = record.values.get(key)
            try:
                if isinstance(value, Refused):
                    raise value
                if value is not None:
                    value = self._columns[key].accept(value)
                elif key not in self._nullable:
                    raise Refused("null_value", "there is no value")
            except Refused as refused:
                raise Refused(refused.reason, f"{key}: {refused.detail}") from None
            row[key] = value
        return row

    def _clear(self) -> None:
        self._sources: list[tuple[str, int]] = []
        self._values: dict[str, list[Any]] = {key: [] for key in self._columns}
        self._rejected: list[Rejected] = []
        self._bytes = 0
