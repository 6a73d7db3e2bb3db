"""What a dataset carries over: a run that changes it goes on from the version before, whether it read that or not.

An ingest reads its source alone, and a pass that lost a race was computed on an older version than the one it was
published on. All other rows and columns of what they made are those of the version before, so an edge ``continues``
leads from there to the run. A selection chooses its rows anew and goes on from nothing; but where the columns of a root
change, the run that changes them brings derived datasets along with the rows that they have. Versions may arrive in any
order: a new one is put between its neighbours.
"""

from __future__ import annotations

from mmreg.registry.catalog.database import Transaction
from mmreg.schemas.run import Run


def record_carried(db: Transaction, run: Run) -> None:
    """Write the edges ``continues`` into ``run``, which has none yet, and again those into the runs that went on from
    what it made."""
    made = [output for output in run.outputs if output.lance_version is not None]
    later = {
        id for o in made for (id,) in db.execute(_NEXT, (o.dataset, o.dataset, o.kind, o.lance_version)).fetchall()
    }
    for id in sorted(later):
        db.execute(_FORGET, (f"run:{id}",))
    for id in sorted(later | {run.id} if made else later):
        db.execute(_WRITE, (f"run:{id}", id))


_NEXT = (
    "SELECT DISTINCT run FROM version WHERE dataset = ? AND job_kind <> 'select' AND lance_version ="
    " (SELECT min(lance_version) FROM version WHERE dataset = ? AND kind = ? AND lance_version > ?)"
)
"""The runs that made the next version of a dataset, unless it was chosen anew."""

_FORGET = "DELETE FROM edge WHERE kind = 'continues' AND target = (SELECT number FROM node WHERE id = ?)"

_BEFORE = (
    "SELECT 'version:' || b.uuid FROM version b WHERE b.dataset = v.dataset AND b.kind = v.kind"
    " AND b.lance_version < v.lance_version ORDER BY b.lance_version DESC, b.ordinal DESC, b.uuid DESC LIMIT 1"
)

_WRITE = (
    "INSERT INTO edge (source, target, kind) SELECT DISTINCT b.number, r.number, 'continues'"
    f" FROM version v JOIN node r ON r.id = ? JOIN node b ON b.id = ({_BEFORE})"
    " WHERE v.run = ? AND v.job_kind <> 'select'"
    " AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.source = b.number AND e.target = r.number)"
)
"""From the version before each that a run made, unless the run read that."""
