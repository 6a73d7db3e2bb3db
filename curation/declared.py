"""Who declared what last: two people's ``apply`` on one lake do not overwrite each other unseen.

Each run that publishes says by which part of the declaration it was made, as a digest. A project keeps in
``.mmreg/declared.json`` the digests that it has seen in the lake. Where the lake's newest is neither the one seen here
nor the one declared now, somebody else has declared it differently since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import xxhash

from mmreg.curation.kinds import root_of
from mmreg.curation.plugins import load_pass
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Conflict, UsageError
from mmreg.registry.text_file import replace_text
from mmreg.schemas.plan import StepKind

if TYPE_CHECKING:
    from pathlib import Path

    from mmreg.registry.api import Registry
    from mmreg.schemas.run import Run

FACET = "declaration"
PARTS = ("ingest", "pass", "select")
"""The steps that publish what a part of the declaration says."""


class Declaration:
    """The declaration as compare-and-set; ``force``: whatever others have declared."""

    def __init__(self, registry: Registry, *, force: bool = False) -> None:
        self._registry, self._force = registry, force
        self._file = registry.project.folder / ".mmreg" / "declared.json"

    def facet(self, kind: StepKind, name: str) -> dict[str, Any]:
        """What a run says of the declaration that it is made by."""
        return {FACET: {"digest": self._digest(kind, name), "step": f"{kind} {name}"}}

    def check(self, kind: StepKind, name: str) -> None:
        """Raise `Conflict` where somebody else has declared this differently since it was last seen here."""
        if not self._force and (said := self.newer(kind, name)) is not None:
            raise Conflict(
                said, hint=f"bring mmreg.yaml up to date (git pull); or, to have it as here: mmreg apply {name} --force"
            )

    @contextmanager
    def blaming(self, kind: StepKind, name: str) -> Iterator[None]:
        """Where what is declared cannot be done since somebody else has declared it differently, say that."""
        try:
            yield
        except UsageError:
            if kind in PARTS:
                self.check(kind, name)
            raise

    def newer(self, kind: StepKind, name: str) -> str | None:
        """What somebody else has done, in words; None where nobody has."""
        last = self._last(kind, name)
        theirs = last.facets.get(FACET, {}).get("digest") if last is not None else None
        if last is None or theirs in (None, self._digest(kind, name), self._seen().get(f"{kind} {name}")):
            return None
        return f"{kind} {name} was declared differently by run {last.id}, which this project has not seen"

    def see(self, kind: StepKind, name: str) -> None:
        """Remember what the lake says now: it was made from here, or is as declared here."""
        last = self._last(kind, name)
        theirs = last.facets.get(FACET, {}).get("digest") if last is not None else None
        if theirs is None:
            return
        seen = self._seen()
        if theirs == self._digest(kind, name) or self._force:
            seen = {**seen, f"{kind} {name}": theirs}
        known = {self._registry.lake.id: seen}
        if known != self._known():
            _write(self._file, known)

    def _digest(self, kind: StepKind, name: str) -> str:
        spec = self._registry.spec
        if kind == "ingest":
            return spec.datasets[name].digest
        declared = spec.passes[name]
        parts = [declared.digest]
        if declared.use not in SELECTIONS:
            # What the code answers belongs to it: else an older checkout would compute everything anew, unseen.
            parts.append(load_pass(declared.use, self._registry.project.folder).version)
        if declared.prompt is not None:
            parts.append(self._registry.read_text(declared.prompt))
        return xxhash.xxh3_64_hexdigest("\0".join(parts).encode())

    def _last(self, kind: StepKind, name: str) -> Run | None:
        """The newest run by a declaration of this: one of its job, or a change of columns that it asked for."""
        assert kind in PARTS
        runs = [self._registry.catalog.last_run(kind, name)]
        if kind != "select":
            spec = self._registry.spec
            root = name if kind == "ingest" else root_of(self._registry.project, spec.passes[name].from_)
            changes = self._registry.catalog.runs("schema", root)
            runs += [r for r in changes if r.facets.get(FACET, {}).get("step") == f"{kind} {name}"][:1]
        return max((run for run in runs if run is not None), key=lambda run: (run.ended_at, run.id), default=None)

    def _seen(self) -> dict[str, str]:
        """By step. A folder that has published nothing to this lake yet, as a fresh checkout, takes it as it is."""
        known = self._known()
        return known[self._registry.lake.id] if self._registry.lake.id in known else self._there()

    def _known(self) -> dict[str, dict[str, str]]:
        try:
            known: dict[str, dict[str, str]] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known

    def _there(self) -> dict[str, str]:
        """What the lake says of every step that is declared."""
        spec = self._registry.spec
        steps: list[tuple[StepKind, str]] = [("ingest", name) for name in spec.datasets]
        steps += [("select" if passed.use in SELECTIONS else "pass", name) for name, passed in spec.passes.items()]
        runs = {f"{kind} {name}": self._last(kind, name) for kind, name in steps}
        return {step: run.facets[FACET]["digest"] for step, run in runs.items() if run and FACET in run.facets}


def _write(file: Path, known: dict[str, dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(file, json.dumps(known, indent=1, sort_keys=True))
