"""The built-in selections, one file each and pure: from who the rows are, and their cells, to which are kept.

All that draws or breaks ties does so by a seeded hash of a row's own identity, never by its position.
"""

from mmreg.schemas.declaration import SELECTIONS

__all__ = ["SELECTIONS"]
