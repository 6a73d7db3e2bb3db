"""Commits that others made, with plain Lance: each is observed once, as a run that says so, and is a version.

It has no number, as numbers are given before a commit, and Lance may let another's come between: its uuid names it.
What it did to the cells of a pass is told by the pass's own state, not here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from mmreg.registry.lake import first_line
from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput

if TYPE_CHECKING:
    import lance

    from mmreg.registry.catalog import VersionRow

MAINTENANCE = ("Rewrite", "CreateIndex", "ReserveFragments", "UpdateConfig")
"""Operations of Lance that change no cell."""


def observed(table: lance.LanceDataset, lance_version: int, before: VersionRow) -> Run:
    """The run of a commit that carries none; ``before`` is the recorded version that it came after.

    It is the same whoever observes it: its id is from the commit's time and uuid. Raises `LookupError` where the
    version's manifest is gone.
    """
    try:
        version = table.checkout_version(lance_version).get_version()
        transaction = table.read_transaction(lance_version)
    except (OSError, ValueError) as error:
        raise LookupError(f"Lance version {lance_version}: {first_line(error)}") from error
    operation = type(transaction.operation).__name__ if transaction is not None else "unknown"
    uuid = transaction.uuid if transaction is not None else f"{before.uuid}+{lance_version}"
    moment = cast("datetime", version["timestamp"]).astimezone(UTC)
    at = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    output = VersionOutput(
        dataset=before.dataset,
        uuid=uuid,
        ordinal=0,
        kind=before.kind,
        rows=int(version["metadata"]["total_rows"]),
        rejected=before.rejected,
        lance_version=lance_version,
        roots=before.roots,
    )
    return Run(
        id=f"{moment:%Y%m%dT%H%M%S.%fZ}-{uuid[:10]}",
        job=Job("maintenance" if operation in MAINTENANCE else "unattributed", operation.lower()),
        state=RunState.COMPLETE,
        started_at=at,
        ended_at=at,
        inputs=(RunInput("version", before.uuid, before.ref),),
        outputs=(output,),
        declared=False,
    )
