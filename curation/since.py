"""What has not changed since some version, and held then, need not be checked again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
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
            row = registry.catalog.resolve(VersionRef.parse(text))
            found[row.dataset] = row
    return found


Holds = Callable[[Mapping[str, Any]], bool]
"""Whether a result, as a run has recorded it, keeps the gate open."""


@dataclass(frozen=True)
class Held:
    """An earlier version and the run which says that the checks held for it, as they are declared now."""

    row: VersionRow
    run: str


def held(registry: Registry, row: VersionRow, checks: Sequence[Declared], holds: Holds) -> Held | None:
    """``row`` where a run tells that each of ``checks`` holds for all of it; None where nobody knows."""
    for run in registry.catalog.runs("validation", row.dataset):
        if any(given.id == row.uuid for given in run.inputs) and tells(run, checks, holds):
            return Held(row, run.id)
    return None


def _version(registry: Registry, dataset: str, uuid: str) -> VersionRow | None:
    try:
        return registry.catalog.resolve(VersionRef(dataset, uuid))
    except NotFound:
        return None


def tells(run: Run, checks: Sequence[Declared], holds: Holds) -> bool:
    """Whether a run of validation tells of each of ``checks``, as declared now and of all rows, that it holds."""
    facet = run.facets["validation"]
    if facet.get("since") is not None:
        return False
    results = {result.get("key"): result for result in facet["results"]}
    for check in checks:
        result = results.get(check.key)
        if result is None or not _same(check, result) or not holds(result):
            return False
    return True


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
