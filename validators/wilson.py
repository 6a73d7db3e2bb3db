"""How far a share that was counted may be from the true one."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054


def wilson(failed: int, examined: int, z: float = Z95) -> tuple[float, float]:
    """Lower and upper bound of a share, both from 0 to 1; (0, 1) where nothing was examined.

    The score interval of E. B. Wilson (1927), two-sided, 95 % by default; it holds for few and for no failures, too.
    """
    if not examined:
        return 0.0, 1.0
    share, z2 = failed / examined, z * z / examined
    middle = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * sqrt(share * (1 - share) / examined + z2 / (4 * examined))
    low = 0.0 if not failed else max(0.0, middle - half)
    return low, 1.0 if failed == examined else min(1.0, middle + half)
