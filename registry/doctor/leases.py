"""Leases: of those who are gone, and of those who have been at it for long."""

from __future__ import annotations

import time
from collections.abc import Iterator

from mmreg.registry.lake import Lake
from mmreg.registry.leases import live, release_abandoned
from mmreg.schemas.finding import Finding

LONG_S = 24 * 3600.0


def look(lake: Lake, *, writable: bool) -> Iterator[Finding]:
    if writable:
        for name in release_abandoned(lake.store):
            yield Finding("lease_left", f"{name}: its holder is gone; released", fixed=True)
    for name, who in sorted(live(lake.store).items()):
        held_s = time.time() - who.since
        if who.since and held_s > LONG_S:
            yield Finding(
                "lease_long",
                f"{name}: process {who.pid} on {who.host} has held it for {held_s / 3600:,.0f} hours",
                hint=f"look at process {who.pid} on {who.host}; ended, its lease expires within a minute",
                note=True,
            )
