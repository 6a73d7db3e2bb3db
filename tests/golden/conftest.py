"""The golden lakes, each made once for all tests that only look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from golden_lakes import Scene, make

Golden = Callable[[str], Scene]


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """A golden lake by its name, to look at."""
    made: dict[str, Scene] = {}

    def get(name: str) -> Scene:
        if name not in made:
            made[name] = make(name, tmp_path_factory.mktemp("golden") / name)
        return made[name]

    return get
