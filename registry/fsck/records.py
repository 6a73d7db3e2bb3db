"""What the lake's runs say of its files, read without stumbling over damage: that is what is looked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from mmreg.errors import IntegrityError, StorageError
from mmreg.registry.digests import FileDigest, listed_files
from mmreg.registry.fsck.guard import guarded
from mmreg.registry.runs import (
    list_objects,
    merge,
    open_archive,
    read_archive,
    read_object,
)
from mmreg.schemas.damage import Damage
from mmreg.schemas.run import REMOVED, Run, VersionOutput
from mmreg.schemas.training import trained_on

if TYPE_CHECKING:
    from mmreg.registry.store import Store

_FIELDS = {"xxh3_128", *(known.name for known in fields(Run))}


@dataclass(frozen=True)
class Known:
    """A version that a run says it made."""

    run: Run
    output: VersionOutput


@dataclass
class Records:
    """All runs that can be read, and what cannot be.

    ``damaged`` are the keys of run objects that are no records. ``broken`` says which objects that runs name are
    missing or have changed.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    archive: str | None = None
    broken: list[Damage] = field(default_factory=list)

    @classmethod
    def read(cls, store: Store) -> Records:
        records = cls()
        for key in list_objects(store):
            try:
                if (run := read_object(store, key)) is not None:
                    records._add(run)
                    if strange := set(json.loads(store.get(key) or b"{}")) - _FIELDS:
                        records.damaged[key] = f"it has the unknown field {min(strange)}"
            except (IntegrityError, ValueError) as error:
                records.damaged[key] = error.message if isinstance(error, IntegrityError) else str(error)
        try:
            with guarded("the archive of runs"):
                archive = open_archive(store)
                for run in read_archive(archive) if archive is not None else ():
                    records._add(run)
        except StorageError as error:
            records.archive = error.message
        return records

    def versions(self, dataset: str) -> dict[int, Known]:
        """By Lance version, those of ``dataset`` that no clean-up says it took."""
        gone = self.removed()
        return {
            output.lance_version: Known(run, output)
            for run in sorted(self.runs.values(), key=lambda run: run.ended_at)
            for output in run.outputs
            if output.dataset == dataset and output.lance_version is not None and output.uuid not in gone
        }

    def removed(self) -> dict[str, int]:
        """The uuids of versions that were removed on purpose, each with its Lance version."""
        return {
            told["uuid"]: told["lance_version"] for run in self.runs.values() for told in run.facets.get(REMOVED, ())
        }

    def removed_numbers(self, dataset: str) -> set[int]:
        """Lance versions of ``dataset`` that were removed on purpose, without those that others have taken since."""
        told = {
            told["lance_version"]
            for run in self.runs.values()
            for told in run.facets.get(REMOVED, ())
            if told["dataset"] == dataset
        }
        return told - self.versions(dataset).keys()

    def dropped(self) -> set[str]:
        """Datasets that were dropped and not taken up again."""
        last: dict[str, Run] = {}
        for run in sorted(self.runs.values(), key=lambda run: (run.ended_at, run.id)):
            if run.job.kind == "drop" and (name := run.facets["drop"].get("dataset")) is not None:
                last[name] = run
        return {name for name, run in last.items() if not run.facets["drop"].get("again")}

    def digests(self, store: Store, dataset: str) -> dict[str, FileDigest]:
        """What is known of the files of ``dataset``, by path within its folder; a size below 0 is not known."""
        known: dict[str, FileDigest] = {}
        for run in self.runs.values():
            facet = run.facets.get("files", {}).get(dataset)
            if facet is not None:
                try:
                    known |= {file.path: file for file in listed_files(store, facet)}
                except IntegrityError as error:
                    self.broken.append(_broken(run, dataset, facet["object"], error))
            for output in run.outputs:
                if output.dataset == dataset:
                    known |= {path: FileDigest(path, -1, digest) for path, digest in output.files.items()}
        return known

    def named_objects(self) -> Iterator[tuple[Run, str]]:
        """Every object that a run names by its digest, but the lists of files."""
        for run in self.runs.values():
            for name, part in (
                ("ingest", "rejected_object"),
                ("pass", "summary"),
                ("pass", "prompt"),
                ("annotations", "object"),
            ):
                facet: Mapping[str, Any] = run.facets.get(name) or {}
                if isinstance(facet, Mapping) and facet.get(part):
                    yield run, facet[part]
            yield from ((run, data.rows) for data in trained_on(run) if data.rows)

    def _add(self, run: Run) -> None:
        known = self.runs.get(run.id)
        try:
            self.runs[run.id] = run if known is None else merge(run, known)
        except IntegrityError as error:
            self.broken.append(Damage("run_damaged", error.message, hint="mmreg fsck --repair"))


def _broken(run: Run, dataset: str, digest: str, error: IntegrityError) -> Damage:
    return Damage(
        "object",
        f"{error.message}: it lists the files that run {run.id} brought",
        dataset=dataset,
        file=f"_mmreg/objects/{digest[:2]}/{digest}",
        hint="copy it back from a backup; without it these files cannot be compared",
    )
