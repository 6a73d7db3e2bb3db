"""What checks have in common that are not about rows one by one: they ask the registry, once, when they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.validators.world import World


class WorldCheck:
    """A check to which no rows are shown."""

    media = False
    columns: tuple[str, ...] = ()

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._table = spec, table

    @property
    def _world(self) -> World:
        return self._table.around(self._spec.check)

    def update(self, batch: pa.RecordBatch) -> None:
        """Nothing: rows are not what it is about."""
