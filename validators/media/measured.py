"""What checks have in common that judge a number which decoding a media cell gave."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.schemas.arrow import MediaKind, media_kind
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.media.looks import Looks
from mmreg.validators.media.spread import Spread
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally


class Seen(Protocol):
    """A look at a cell; ``defect`` is why it does not decode."""

    @property
    def defect(self) -> tuple[str, str] | None: ...


Look = TypeVar("Look", bound=Seen)


class Measured(RowCheck, Generic[Look]):
    """A check of what is in media cells. One that does not decode is not examined, and the message says how many.

    Where none decodes the answer is `insufficient`: nothing speaks for them.
    """

    media = True
    failing: ClassVar[str]
    """What failures are: "images are blurred"."""
    decoded_by: ClassVar[str]
    """The check that tells of cells which do not decode."""

    def __init__(self, spec: CheckSpec, column: str, looks: Looks[Look], spread: Spread | None = None) -> None:
        self._column, self._looks, self._spread = column, looks, spread
        self._tally = Tally(spec, column)
        self._unread = 0
        self.columns = (column,)

    @abstractmethod
    def _judge(self, look: Look) -> str | None:
        """What is wrong with a cell that decodes, None where nothing is."""

    @abstractmethod
    def _shown(self, look: Look) -> str:
        """What was measured, in one word."""

    def _measure(self, look: Look) -> float:
        """The number that the report shows the spread of."""
        return float("nan")

    def update(self, batch: pa.RecordBatch) -> None:
        media = cells(batch, self._column)
        looks = [look if look is not None and look.defect is None else None for look in self._looks.at(media)]
        wrong = [None if look is None else self._judge(look) for look in looks]
        seen = [look for look in looks if look is not None]
        self._unread += len(media) - media.null_count - len(seen)
        if self._spread is not None:
            self._spread.add([self._measure(look) for look in seen])

        def describe(row: int) -> tuple[str, str]:
            look = looks[row]
            return ("" if look is None else self._shown(look)), wrong[row] or ""

        failed = pa.array([reason is not None for reason in wrong], pa.bool_())
        self._tally.add(batch, examined=len(seen), failed=failed, describe=describe)

    def state(self) -> Mapping[str, Any]:
        spread = {"spread": self._spread.state()} if self._spread is not None else {}
        return {**self._tally.state(), "unread": self._unread, **spread}

    def merge(self, state: Mapping[str, Any]) -> None:
        self._tally.merge(state)
        self._unread += state["unread"]
        if self._spread is not None:
            self._spread.merge(state["spread"])

    def result(self) -> CheckResult:
        result = self._tally.result(self.failing)
        if self._spread is not None:
            result = replace(result, numbers=self._spread.numbers(), histograms=self._spread.histograms())
        if not self._unread:
            return result
        if not result.examined:
            said = f"none of {self._unread:,} decodes ({self.decoded_by} says why)"
            return replace(result, status="insufficient", message=said)
        said = f"{result.message}; {self._unread:,} more do not decode ({self.decoded_by} says why)"
        return replace(result, message=said)


def media_column(check: str, table: Table, column: str, kind: MediaKind) -> str:
    """``column``, which is one of ``kind``, or `UsageError`."""
    dtype = table.type(column)
    if media_kind(dtype) != kind:
        what = {"image": "images", "audio": "sounds", "video": "videos"}[kind]
        shown = media_kind(dtype) or dtype
        raise UsageError(f"{check}: {column} is {shown}, not a column of {what}")
    return column
