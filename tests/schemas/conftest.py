from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "mmreg-yaml.md"


@pytest.fixture(scope="session")
def page() -> str:
    """docs/mmreg-yaml.md."""
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def example(page: str) -> str:
    """The whole project that docs/mmreg-yaml.md shows."""
    (found,) = re.findall(r"^```yaml example\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return str(found)
