"""Values as text: `render` gives the lines of one value, chosen by its type.

Each file of this room registers what it can render, and is imported when the first such value comes along, so that
``mmreg ls`` does not pay for ``mmreg validate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from mmreg.cli.render import layout

_HOMES = {
    "boost": ("Boost",),
    "checks": ("DoctorReport", "GateReport", "ValidationReport"),
    "damage": ("FsckReport", "RolledBack"),
    "compact": ("CompactReport",),
    "comparison": ("Comparison",),
    "cost": ("Cost",),
    "datasets": ("Created", "DatasetSummary", "Diff", "LogEntry", "VersionDetail"),
    "erasure": ("ErasurePlan", "ErasureReport"),
    "exchange": ("Emitted", "Exported"),
    "errands": ("Scaffold",),
    "find": ("Found", "Orphans"),
    "findings": ("DatasetReport",),
    "gc": ("GcReport",),
    "impact": ("Impact",),
    "license": ("Licenses",),
    "known_checks": ("KnownCheck",),
    "leak": ("Leak",),
    "lineage": ("Lineage",),
    "models": ("Checkpoint", "ModelDetail", "ModelSummary"),
    "plans": ("ApplyReport", "Dropped", "Plan", "Status"),
    "runs": ("Run",),
    "sql": ("View", "Written"),
    "why": ("Why",),
}
_HOME_OF = {kind: home for home, kinds in _HOMES.items() for kind in kinds}


def render(value: object) -> Iterator[layout.Line]:
    """The lines that show ``value``, or each of several values of one kind."""
    example = value[0] if isinstance(value, (list, tuple)) and value else value
    if home := _HOME_OF.get(type(example).__name__):
        import_module(f"{__name__}.{home}")
    return layout.render(value)
