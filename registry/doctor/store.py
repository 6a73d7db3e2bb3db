"""The store: whether it can be written to, keeps its promise to two writers, and has the same time as we."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from mmreg.errors import ReadOnly
from mmreg.registry.lake import FORMAT, MARKER, Lake
from mmreg.registry.migrate import upgrade as upgrade_lake
from mmreg.registry.store import Store, StoreFacts, probe
from mmreg.schemas.finding import Finding

APART_S = 60.0
"""Clocks may be so far apart: leases expire after as long."""


def look(lake: Lake, *, upgrade: bool) -> Iterator[Finding]:
    try:
        facts = probe(lake.store)
        apart_s = _apart_s(lake.store)
    except ReadOnly as error:
        yield Finding("lake_read_only", f"{error.message}; nothing in it is mended from here", note=True)
        return
    if not facts.conditional_put:
        yield _unsafe(lake, facts)
    if abs(apart_s) > APART_S:
        which = "ahead of" if apart_s < 0 else "behind"
        yield Finding(
            "clock_off",
            f"this machine's clock is {abs(apart_s):,.0f} s {which} the store's: leases may expire at once, or late",
            hint="timedatectl set-ntp true",
        )
    if lake.format < FORMAT:
        yield _format(lake, upgrade)


def _unsafe(lake: Lake, facts: StoreFacts) -> Finding:
    """Say that one process at a time may write, and let the lake itself say so from now on."""
    said = f"this store does not honour conditional put: {facts.reason}"
    if lake.writers == "one":
        return Finding("store_unsafe", f"{said}; the lake is kept for one writer", note=True)
    marker: dict[str, Any] = json.loads(lake.store.get(MARKER) or b"{}")
    marker["store"] = {"conditional_put": False, "reason": facts.reason}
    lake.store.put(MARKER, json.dumps(marker, indent=2).encode() + b"\n")
    return Finding("store_unsafe", said, hint="move the lake to another store; until then write from one process only")


def _apart_s(store: Store) -> float:
    """The store's time less ours: of an object that is written now."""
    key = f"_mmreg/probe/{uuid.uuid4().hex}-clock"
    before = time.time()
    store.put(key, b"now")
    middle = (before + time.time()) / 2
    try:
        return next((found.modified - middle for found in store.scan("_mmreg/probe") if found.key == key), 0.0)
    finally:
        store.delete(key)


def _format(lake: Lake, upgrade: bool) -> Finding:
    said = f"the lake has format {lake.format}, this mmreg makes format {FORMAT}"
    if upgrade:
        upgrade_lake(lake)
        return Finding("lake_format", f"{said}: brought up to it", fixed=True)
    return Finding(
        "lake_format",
        f"{said}; the older mmreg may write to it, which knows nothing of erased samples and upkeep",
        hint="mmreg doctor --upgrade, once everybody who uses the lake has a newer mmreg",
        note=True,
    )
