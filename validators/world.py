"""What a check may ask beside the rows of its version: other versions, and where things come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import pyarrow as pa


class Rows(Protocol):
    """The rows of some version; `mmreg.registry.read.Reader` is one. ``schema`` is without mmreg's own columns."""

    @property
    def ref(self) -> str: ...

    @property
    def uuid(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...

    def __len__(self) -> int: ...

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        batch_size: int = 1024,
        media: bool | Literal["tolerant"] = True,
        with_row_id: bool = False,
    ) -> Iterator[pa.RecordBatch]: ...


class World(Protocol):
    """The registry around the version that is checked. Whatever is not there raises `NotFound`."""

    def open(self, ref: str, split: str | None = None) -> Rows:
        """Another version, or one split of it."""

    def splits(self) -> tuple[str, ...]:
        """The splits of the version that is checked; none for a root dataset."""
