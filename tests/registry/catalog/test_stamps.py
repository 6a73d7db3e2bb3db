"""What a machine keeps for itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.registry.catalog import Catalog


def test_watermarks_and_stamps(open_catalog: Callable[[], Catalog], catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.watermark("pairs") is None
    catalog.set_watermark("pairs", 3)
    catalog.set_watermark("pairs", 4)
    assert catalog.watermark("pairs") == 4
    assert catalog.touched("pairs") == {}
    catalog.touch("pairs", "a.png", 1)
    catalog.touch("pairs", "a.png", 2)
    catalog.touch_all("pairs", [("b.png", 2**64 - 1), ("ü.png", 2**63)])
    again = open_catalog()
    assert again.touched("pairs") == {"a.png": 2, "b.png": 2**64 - 1, "ü.png": 2**63}
    assert again.touched("train") == {}
    again.close()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**64 - 1))
def test_any_stamp_comes_back(tmp_path_factory: pytest.TempPathFactory, stamp: int) -> None:
    catalog = Catalog.open("sqlite:///stamps.db", tmp_path_factory.getbasetemp())
    catalog.touch("pairs", "a", stamp)
    assert catalog.touched("pairs") == {"a": stamp}
    catalog.close()
