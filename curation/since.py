"""What has not changed since some version that was checked need not be checked again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound
from mmreg.registry.lock import read_lock
from mmreg.schemas.refs import VersionRef

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.validation.declared import Declared
    from mmreg.schemas.run import Run

LOCK = "lock"


def points(registry: Registry, since: Sequence[str]) -> dict[str, VersionRow]:
    """By dataset, the version to compare with: of ``since``, which are versions or `lock`, mmreg.lock.

    A version that the lock names and this lake does not have is none: then everything is checked. Raises `NotFound`
    for a version that is not there or where there is no lock.
    """
    found: dict[str, VersionRow] = {}
    for text in since:
        if text == LOCK:
            for name, locked in read_lock(registry.project).datasets.items():
                if locked.uuid is not None and (row := _version(registry, name, locked.uuid)) is not None:
                    found.setdefault(name, row)
        else:
            row = registry.catalog.resolve(VersionRef.parse(text)).readable()
            found[row.dataset] = row
    return found


@dataclass(frozen=True)
class Checked:
    """An earlier version, the run that has checked all of it as is declared now, and how many checks failed then."""

    row: VersionRow
    run: str
    failed: int

    def __str__(self) -> str:
        found = f" (checks that failed: {self.failed})" if self.failed else ""
        return f"{self.row.ref}, which run {self.run} has checked{found}"


def checked(registry: Registry, row: VersionRow, checks: Sequence[Declared]) -> Checked | None:
    """``row`` where a run tells what each of ``checks`` says of all of it; None where nobody knows."""
    keys = {check.key for check in checks}
    for run in registry.catalog.runs("validation", row.dataset):
        if any(given.id == row.uuid for given in run.inputs) and tells(run, checks):
            results = run.facets["validation"]["results"]
            return Checked(row, run.id, sum(r["key"] in keys and r["status"] == "failed" for r in results))
    return None


def tells(run: Run, checks: Sequence[Declared]) -> bool:
    """Whether a run of validation tells what each of ``checks``, as declared now, says of all rows."""
    facet = run.facets["validation"]
    if facet.get("since") is not None:
        return False
    results = {result.get("key"): result for result in facet["results"]}
    return all(check.key in results and _same(check, results[check.key]) for check in checks)


def _version(registry: Registry, dataset: str, uuid: str) -> VersionRow | None:
    try:
        return registry.catalog.resolve(VersionRef(dataset, uuid)).readable()
    except NotFound:
        return None


def _same(check: Declared, result: Mapping[str, Any]) -> bool:
    spec = check.spec
    return (
        result["check"] == spec.check
        and result["arguments"] == _as_recorded(spec.arguments)
        and result["severity"] == spec.severity
        and result["max_failure_rate"] == spec.max_failure_rate
        and (result["population"] is None or spec.sample is not None)
    )


def _as_recorded(arguments: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(arguments))
