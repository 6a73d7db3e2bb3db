"""The door: which kinds have a reader."""

from __future__ import annotations

import pytest

from mmreg.errors import UsageError


def test_a_table_in_place_has_no_reader(open_declared) -> None:
    with pytest.raises(UsageError, match="registered in place"):
        open_declared({"type": "lance", "path": "table.lance"})
