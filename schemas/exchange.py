"""What went to others: exports of lineage, and events that were sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ExportFormat = Literal["openlineage", "prov", "croissant", "mlflow"]


@dataclass(frozen=True)
class Exported:
    """``to`` holds so many ``records`` of ``format``: events, or one document."""

    format: ExportFormat
    to: str
    records: int


@dataclass(frozen=True)
class Emitted:
    """The events of ``runs`` went to ``to``; those of the runs ``unsent`` did not, for the reason ``error``."""

    to: str
    runs: int
    events: int
    unsent: tuple[str, ...] = ()
    error: str | None = None
