"""What mmreg is made for, and what is installed."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import version

from mmreg.schemas.finding import Finding

MADE_FOR = {
    "python": ("3.11", "3.14"),
    "pylance": ("14.0", "14.0"),
    "pyarrow": ("20", "26"),
}
"""From the lowest to the highest release, both included. `make test` runs what rests on Lance with the lowest, too."""


def look() -> Iterator[Finding]:
    for name, (lowest, highest) in MADE_FOR.items():
        installed = platform.python_version() if name == "python" else version(name)
        if not _up_to(lowest, installed) >= _numbers(lowest) or not _up_to(highest, installed) <= _numbers(highest):
            yield Finding(
                "library_untried",
                f"{name} {installed} is installed; mmreg is made for {lowest} to {highest}",
                hint=f"pip install '{name}>={lowest},<={highest}.*'" if name != "python" else f"Python {highest}",
                note=True,
            )


def _up_to(bound: str, installed: str) -> tuple[int, ...]:
    """As many numbers of a version as the bound has."""
    return _numbers(installed)[: len(_numbers(bound))]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
