"""What a check is to mmreg: it says what it reads, sees every batch once, and then knows its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from mmreg.schemas.check import CheckResult


class Check(Protocol):
    """One check of one version. Its answer depends on the rows and their order, not on how batches cut them.

    ``columns`` is what it needs read, beside ``sample_id``: names of columns, or of fields within them
    (``image.width``), which a batch may bring under that name or inside their struct. ``media`` is True where
    media cells must come with their ``bytes``; else they may come without. A check that reads no rows at all, only
    what `mmreg.validators.world` tells, has no columns.

    A check that can be answered from a sample of the rows says so: it has ``samples = True``, as every `RowCheck` has.
    Without it ``sample`` is refused. One that needs an extra of mmreg's has its name as ``extra``.
    """

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def media(self) -> bool: ...

    def update(self, batch: pa.RecordBatch) -> None:
        """Look at one batch."""

    def result(self) -> CheckResult:
        """The answer over all batches so far."""


@runtime_checkable
class Mergeable(Protocol):
    """A check whose answer on all rows follows from what it has seen of parts of them.

    What it saw of a fragment is kept in the lake and not looked at again, until ``version`` (of the check's code),
    its arguments or the columns that it reads are others. So a state tells of the cells that were read and of nothing
    else: what a check asks of the registry it asks in `result`. A state is JSON without any cell, as lakes forget
    samples; under ``examples`` it may have failing rows as `CheckResult.examples`, without their ``value``, which is
    read again where it is shown. Every fragment has a check of its own: what is costly to make (a model, an analyzer)
    is made when it is first needed, and kept by its module.
    """

    version: ClassVar[str]

    def state(self) -> Mapping[str, Any]:
        """What it has seen so far, to be merged into another one of its kind."""

    def merge(self, state: Mapping[str, Any]) -> None:
        """Go on as if it had seen, next, what ``state`` tells of."""


def can_sample(check: object) -> bool:
    """Whether a check, or its class, can be answered from a sample of the rows."""
    return bool(getattr(check, "samples", False))
