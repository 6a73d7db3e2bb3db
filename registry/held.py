"""Holding versions: while somebody reads them for long, clean-up lets them be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmreg.errors import NotFound
from mmreg.registry.lake import Lake
from mmreg.registry.leases import lease, wait_for

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow


@contextmanager
def held(lake: Lake, ref: str, versions: Sequence[tuple[str, int]]) -> Iterator[None]:
    """Keep ``versions``, as (dataset, Lance version), in the lake while the block runs. ``ref`` names them to people.

    Raises `NotFound` where one is gone, and `StorageError` for a lake that cannot be written to: the hold is a lease.
    """
    from mmreg.registry.commit import UPKEEP_WAIT_S, upkeep_lease  # not above: who looks at the index holds nothing

    with lease(lake.store, f"read.{uuid.uuid4().hex}", reads=versions):
        # Clean-up looks at leases while it holds the table's own. Whoever comes later waits, and sees what has gone.
        for dataset, lance_version in versions:
            wait_for(lake.store, upkeep_lease(dataset), wait_s=UPKEEP_WAIT_S)
            if lance_version not in lake.versions_on_disk(dataset):
                raise NotFound(
                    f"{ref}: Lance version {lance_version} of {dataset} is not in the lake any more",
                    hint=f"mmreg log {dataset}",
                )
        yield


def places_of(row: VersionRow) -> list[tuple[str, int]]:
    """What reading ``row`` takes: it, and the root versions that it refers to."""
    roots = [(root["dataset"], root["lance_version"]) for root in row.roots]
    return [(row.dataset, row.lance_version), *roots]
