"""Work that is done in two commits: where a crash came between them, the second is made now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.registry.derive import completed
from mmreg.registry.evolve import followed
from mmreg.registry.made import complete_state
from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def look(workspace: Workspace) -> Iterator[Finding]:
    catalog = workspace.catalog
    for run in catalog.runs("pass"):
        if (whole := completed(workspace, run) or complete_state(workspace, run)) is not None:
            refs = " and ".join(output.ref for output in whole.outputs)
            yield Finding("derived_behind", f"pass {run.job.name} made {refs}: completed", fixed=True)
    for run in (*catalog.runs("schema"), *catalog.runs("drop")):
        if (whole := followed(workspace, run)) is not None:
            refs = " and ".join(output.ref for output in whole.outputs)
            yield Finding("derived_behind", f"{run.job.kind} {run.job.name} made {refs}: completed", fixed=True)
