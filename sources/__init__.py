"""Readers: what a declaration calls a source, as Arrow batches. `open_source` is the door."""

from __future__ import annotations

from mmreg.sources.opening import open_source
from mmreg.sources.protocol import LISTING, Reason, Rejected, Source, SourceBatch

__all__ = ["LISTING", "Reason", "Rejected", "Source", "SourceBatch", "open_source"]
