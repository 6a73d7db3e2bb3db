"""Bringing a lake of an older format to today's, step by step.

A lake of any released format is read and extended as it is. The format says which mmreg may: one that does not know
it refuses to open the lake. So a step is taken when somebody asks for it, or does what an older mmreg would undo.

    1   mmreg 0.1
    2   erased samples stay away, and writers wait for upkeep: mmreg 0.1 would do neither
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mmreg.errors import IntegrityError
from mmreg.registry.lake import FORMAT, MARKER, Lake
from mmreg.registry.leases import lease

WAIT_S = 60.0


def upgrade(lake: Lake) -> list[int]:
    """Bring ``lake`` to today's format; returns the formats that it passed through, none where it had it.

    Each step may be repeated: the format is written after it. Raises `ReadOnly` and `LeaseHeld`.
    """
    passed: list[int] = []
    with lease(lake.store, "_format", wait_s=WAIT_S):
        while (facts := _facts(lake))["format"] < FORMAT:
            step = facts["format"] + 1
            changed = _STEPS[step](lake, facts) | {"format": step}
            lake.store.put(MARKER, json.dumps(changed, indent=2).encode() + b"\n")
            passed.append(step)
    lake.format = FORMAT
    return passed


def _facts(lake: Lake) -> dict[str, Any]:
    data = lake.store.get(MARKER)
    if data is None:
        raise IntegrityError(f"{lake.store.uri} has lost its {MARKER}", hint="restore it from a copy")
    facts: dict[str, Any] = json.loads(data)
    return facts


def _to_2(lake: Lake, facts: dict[str, Any]) -> dict[str, Any]:
    """Nothing on disk changes but the number, which keeps mmreg 0.1 away."""
    return facts


_STEPS: Mapping[int, Callable[[Lake, dict[str, Any]], dict[str, Any]]] = {2: _to_2}
