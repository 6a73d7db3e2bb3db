"""Filters of one's own: what they answer is kept as columns, and the rows that they keep are selected by these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.curation.kinds import KEEP, REASON, makes, root_of
from mmreg.errors import UsageError
from mmreg.schemas.declaration import SELECTIONS, PassSpec

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def as_selection(registry: Registry, name: str, spec: PassSpec) -> tuple[PassSpec, str | None]:
    """The selection that a declared pass comes to, and the column that says why it drops a row, if there is one.

    A built-in selection is itself. Rows that a filter was not asked about, or failed on, are not kept. Raises
    `NotFound` where nothing is there to select from.
    """
    if spec.use in SELECTIONS:
        return spec, None
    if makes(spec, registry.project.folder) != "filter":
        raise UsageError(f"pass {name}: {spec.use} selects no rows")
    keep, reason = (spec.outputs.get(own, f"{name}_{own}") for own in (KEEP, REASON))
    there = registry.newest(root_of(registry.project, spec.from_)).table.schema.names
    kept = PassSpec(
        from_=spec.from_,
        use="filter",
        into=spec.into,
        split=spec.split,
        sample=spec.sample,
        where=f"{keep} = true",
    )
    return kept, reason if reason in there else None
