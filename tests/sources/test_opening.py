"""The door: which kinds have a reader, and that the guide knows every reason."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from mmreg.errors import UsageError
from mmreg.sources import Reason


def test_a_table_in_place_has_no_reader(open_declared) -> None:
    with pytest.raises(UsageError, match="registered in place"):
        open_declared({"type": "lance", "path": "table.lance"})


def test_the_guide_explains_every_reason() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    rows = [line for line in guide.splitlines() if line.startswith("| `")]
    assert not [reason for reason in get_args(Reason) if not any(f"`{reason}`" in row.split("|")[1] for row in rows)]
