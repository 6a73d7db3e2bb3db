"""What a check is to mmreg: it says what it reads, sees every batch once, and then knows its answer."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from mmreg.schemas.check import CheckResult


class Check(Protocol):
    """One check of one version. Its answer depends on the rows and their order, not on how batches cut them.

    ``columns`` is what it needs read, beside ``sample_id``: names of columns, or of fields within them
    (``image.width``), which a batch may bring under that name or inside their struct. ``media`` is True where
    media cells must come with their ``bytes``; else they may come without.
    """

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def media(self) -> bool: ...

    def update(self, batch: pa.RecordBatch) -> None:
        """Look at one batch."""

    def result(self) -> CheckResult:
        """The answer over all batches so far."""
