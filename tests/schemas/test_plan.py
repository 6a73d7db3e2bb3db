"""What a plan says of money."""

from __future__ import annotations

import pytest

from mmreg.schemas.plan import money_text


@pytest.mark.parametrize(
    ("amount", "text"), [(0.0, "0.00"), (3.5, "3.50"), (1234.5, "1,234.50"), (0.1, "0.10"), (0.0123, "0.012")]
)
def test_small_sums_are_no_zero(amount: float, text: str) -> None:
    assert money_text(amount) == text
