"""Clean-up: which versions something needs, what goes when the others go, and its doing."""

from mmreg.registry.gc.apply import gc
from mmreg.registry.gc.reach import needed

__all__ = ["gc", "needed"]
