"""How a version was chosen: the selections that lead to it, from a dataset on the way or from the roots."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mmreg.errors import NotFound
from mmreg.registry.derive import selected_by
from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import RunInput
from mmreg.schemas.upstream import Base, Chain, Chosen

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


def chain(workspace: Workspace, ancestry: Ancestry, row: VersionRow, against: str | None) -> Chain:
    """As `mmreg.validators.world.World.chain`."""
    wanted = VersionRef.parse(against) if against is not None else None
    exact = workspace.catalog.resolve(wanted).uuid if wanted is not None and wanted.selector is not None else None
    steps: list[Chosen] = []
    base: dict[Base, None] = {}
    met = False
    waiting: deque[tuple[VersionRow, Base]] = deque([(row, Base(row.ref))])
    seen = set()
    while waiting:
        version, place = waiting.popleft()
        there = wanted is not None and version.dataset == wanted.dataset and exact in (None, version.uuid)
        chosen = selected_by(workspace, version) if version.kind == "derived" else None
        if chosen is None or (there and version is not row):
            met = met or there
            base[place] = None
        elif version.uuid not in seen:
            seen.add(version.uuid)
            run = ancestry.run(chosen.run)
            select = run.facets["select"]
            above = []
            for told in select.get("base", ()):
                found = ancestry.version(RunInput("version", told["uuid"], told["ref"]))
                if found is not None:
                    above.append((found, Base(found.ref, told.get("split"))))
            waiting.extend(above)
            decided = select["decisions"]
            kept = int(decided["rows"]) - sum(decided["reasons"].values())
            looked_through = tuple(place for _, place in above)
            steps.append(Chosen(run.job.name, version.ref, looked_through, int(decided["rows"]), kept))
    if wanted is not None and not met:
        way = ", ".join(dict.fromkeys(b.ref for s in steps for b in s.base)) or "nothing"
        raise NotFound(f"{row.ref} was not chosen from {against}, but from {way}", hint=f"mmreg lineage up {row.ref}")
    return Chain(tuple(base), tuple(reversed(steps)))
