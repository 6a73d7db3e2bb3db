"""What may be wrong with a lake, its index and the ground that they stand on, and the mending of what is safe to mend.

Each file looks at one thing and tells what it found. `mmreg.schemas.finding` lists all codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.errors import SpecError
from mmreg.registry import sync
from mmreg.registry.doctor import disk, erasures, index, leases, left, libraries, store, tables, windows
from mmreg.schemas.finding import DoctorReport, Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def doctor(workspace: Workspace, *, upgrade: bool = False) -> DoctorReport:
    """Look at everything, close every window that a crash can leave open, and say so.

    Commits without a run object get one, runs without a place in the index are absorbed, leases of processes that
    are gone are released; with ``upgrade`` a lake of an older format gets today's. What needs a person is reported
    unfixed. A lake that cannot be written to is looked at, and nothing is mended but the index.
    """
    findings = list(store.look(workspace.lake, upgrade=upgrade))
    writable = all(finding.code != "lake_read_only" for finding in findings)
    findings += libraries.look()
    findings += disk.look(workspace)
    findings += index.look(workspace, writable=writable)
    findings += _declaration(workspace)
    if writable:
        findings += windows.look(workspace)
    findings += leases.look(workspace.lake, writable=writable)
    findings += left.look(workspace)
    findings += erasures.look(workspace)
    findings += tables.look(workspace)
    return DoctorReport(tuple(findings))


def rebuild(workspace: Workspace) -> int:
    """Drop the index and make it again from runs and commits. Returns how many runs it holds."""
    workspace.close()
    catalog = workspace.open_catalog()
    try:
        catalog.clear()
        sync.catch_up(workspace.lake, catalog)
        return len(catalog.runs())
    finally:
        catalog.close()


def _declaration(workspace: Workspace) -> list[Finding]:
    try:
        _ = workspace.spec
    except SpecError as error:
        return [Finding("declaration", error.message, hint=error.hint or "mmreg plan")]
    return []
