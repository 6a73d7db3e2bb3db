"""Memory of large cells goes back to the system as soon as it is freed.

glibc raises by itself the size from which it maps memory apart, up to 32 MiB, and every thread's arena keeps what was
freed below that: while cells of 200 KB pass through, a process comes to hold several times what it uses.
"""

from __future__ import annotations

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_BYTES = 1 << 20


@cache
def return_freed_memory() -> None:
    """From now on, for this process. Another C library than glibc has no such switch, and is left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BYTES)
        mallopt(_TRIM_THRESHOLD, _BYTES)
