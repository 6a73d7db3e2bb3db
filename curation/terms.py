"""What a run of a pass has to keep to, as far as others say: asked before anything is paid, and told what was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Terms:
    """These ask for nothing. ``facets`` go into the run that is published."""

    facets: Mapping[str, Any] = {}

    def begin(self) -> None:
        """Called with the lease of the pass in hand, before the first call. May raise."""

    def spent(self, cost: Mapping[str, float]) -> None:
        """Called after each portion with all that this run has spent. Where it raises, what was computed stays staged
        and nothing is published."""
