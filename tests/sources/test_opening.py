"""The guide knows every reason."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from mmreg.sources import Reason


def test_the_guide_explains_every_reason() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    rows = [line for line in guide.splitlines() if line.startswith("| `")]
    assert not [reason for reason in get_args(Reason) if not any(f"`{reason}`" in row.split("|")[1] for row in rows)]
