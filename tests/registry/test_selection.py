"""A selection says which of any row ids it keeps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.registry.selection import Selection

# Close together, as a scan asks, and far apart, as after many rewrites.
row_ids = st.one_of(st.integers(0, 60), st.integers(0, 2**64 - 1))


@given(st.sets(row_ids), st.lists(row_ids))
def test_it_holds_what_is_in_it(kept: set[int], asked: list[int]) -> None:
    selection = Selection(np.array(sorted(kept), np.uint64))
    assert selection.holds(np.array(asked, np.uint64)).tolist() == [row in kept for row in asked]
