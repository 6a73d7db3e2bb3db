"""What checks have seen of fragments, kept in the lake: nobody looks twice at what did not change.

One object for each check has the states by the keys of pieces. The run of the validation that left it names it, by the
digest of the check: its name, arguments and version, and the types of the columns that it reads. No cell is in it. Of
each dataset the newest runs are looked through; what only older ones name is cleaned up.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmreg.errors import IntegrityError
from mmreg.registry.objects import get_object, put_object
from mmreg.validators.protocol import Check, Mergeable

if TYPE_CHECKING:
    from mmreg.registry.store import Store
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.check_spec import CheckSpec
    from mmreg.schemas.run import Run
    from mmreg.validators.table import Table

FORMAT = 1
"""Of the objects, and of what a digest is over."""
RUNS, OBJECTS = 20, 3
"""How many runs back one looks, and how many objects of a check are read: of branches that are validated in turn."""

State = Mapping[str, Any]


def digest_of(spec: CheckSpec, check: Check, table: Table) -> str | None:
    """32 hex digits over all but the cells that a state depends on; None for a check without states.

    How many failures are allowed is no part of it.
    """
    if not isinstance(check, Mergeable):
        return None
    types = {column: str(table.type(column)) for column in check.columns}
    told = [FORMAT, spec.check, spec.arguments, spec.examples, check.version, types]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:32]


def keep(store: Store, states: Mapping[str, Mapping[str, State]]) -> dict[str, str]:
    """Put the states of each check, by its digest and the keys of pieces, into the lake; returns what names them there.

    Raises `ReadOnly` where the lake cannot be written to.
    """
    return {digest: put_object(store, _encoded(pieces)) for digest, pieces in states.items() if pieces}


def without_outlived(runs: Iterable[Run]) -> Iterator[Run]:
    """``runs``, given with the newest first, where nobody looks for what they have kept without naming it."""
    met: Counter[str] = Counter()
    for run in runs:
        facet = run.facets.get("validation", {})
        if run.job.kind == "validation" and "seen" in facet:
            met[run.job.name] += 1
            if met[run.job.name] > RUNS:
                left = {name: value for name, value in facet.items() if name != "seen"}
                run = replace(run, facets={**run.facets, "validation": left})
        yield run


class Seen:
    """What earlier validations of a dataset have kept."""

    def __init__(self, workspace: Workspace, dataset: str) -> None:
        self._store = workspace.lake.store
        self._named = [
            run.facets["validation"].get("seen", {})
            for run in workspace.catalog.runs("validation", dataset, limit=RUNS)
        ]

    def of(self, digest: str) -> dict[str, State]:
        """The states of pieces, by their keys, of the check with this digest."""
        named = dict.fromkeys(seen[digest] for seen in self._named if digest in seen)
        found: dict[str, State] = {}
        for one in reversed(list(named)[:OBJECTS]):
            found |= self._read(one)
        return found

    def _read(self, name: str) -> dict[str, State]:
        try:
            found = json.loads(zlib.decompress(get_object(self._store, name)))
        except (IntegrityError, zlib.error):  # lost, or cleaned up: then one looks once more
            return {}
        pieces: dict[str, State] = found["pieces"] if found["format"] == FORMAT else {}
        return pieces


def _encoded(pieces: Mapping[str, State]) -> bytes:
    told = json.dumps({"format": FORMAT, "pieces": pieces}, sort_keys=True, separators=(",", ":"))
    return zlib.compress(told.encode())
