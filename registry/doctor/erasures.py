"""Erasures that were stopped, and erased samples that are back with a restored version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.registry.erase.carry_out import unfinished
from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def look(workspace: Workspace) -> Iterator[Finding]:
    for erasure in unfinished(workspace):
        count = sum(map(len, erasure.samples.values()))
        said = "are in a newest version again" if erasure.finished else "are not erased from every file yet"
        yield Finding(
            "erasure_unfinished",
            f"erasure {erasure.id}: its {count:,} samples are shown to nobody, but {said}",
            hint="mmreg erase --resume",
        )
