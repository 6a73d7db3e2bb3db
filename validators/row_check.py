"""What checks have in common that look at every row by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mmreg.validators.tally import Tally


class RowCheck:
    """A check whose rows are counted in ``_tally``: what it saw of parts adds up.

    ``version`` is to change when the same cells would be judged otherwise.
    """

    version: ClassVar[str] = "1"
    samples = True
    media = False
    columns: tuple[str, ...] = ()
    _tally: Tally

    def state(self) -> Mapping[str, Any]:
        return self._tally.state()

    def merge(self, state: Mapping[str, Any]) -> None:
        self._tally.merge(state)
