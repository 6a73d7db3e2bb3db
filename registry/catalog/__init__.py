"""The index: what the runs of a lake say, in SQLite or PostgreSQL, so that looking things up never opens a table.

It holds nothing that the lake does not (but how far it has read, and local stamps of files), may be deleted
at any time, and gives the same answers whatever the order in which it met the runs. With SQLite only the
standard library is imported on this path; `tables` describes the same schema as SQLModel classes for queries of
your own.
"""

from mmreg.registry.catalog.catalog import Catalog
from mmreg.registry.catalog.versions import VersionRow

__all__ = ["Catalog", "VersionRow"]
