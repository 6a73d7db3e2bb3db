"""The files of one table against what is known of them: there, as long as they were, and with the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from mmreg.errors import MmregError, NotFound, StorageError
from mmreg.registry.digests import AT_ONCE, CHUNK, FileDigest, digest_file, fragment_files, manifest_path
from mmreg.registry.fsck.guard import guarded
from mmreg.registry.fsck.records import Known, Records
from mmreg.registry.snapshot import column_fields
from mmreg.schemas.cells import values
from mmreg.schemas.damage import Damage, DamageKind
from mmreg.schemas.progress import Progress

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.lake import Lake

SHOWN = 5
"""Row ids and sample ids that a finding shows."""


class TableFiles:
    """What one table needs and has. `check` fills ``damages``; the other attributes are complete by then.

    ``retained`` are the Lance versions on disk that nobody removed, ``sick`` those of them that use a damaged file or
    cannot be opened, ``uses`` the versions that need a file, by its path. ``found`` are the digests of files of which
    none was known, where ``deep``.
    """

    def __init__(self, lake: Lake, records: Records, dataset: str, *, deep: bool) -> None:
        self.lake, self.dataset, self._deep = lake, dataset, deep
        self.known: dict[int, Known] = records.versions(dataset)
        on_disk = lake.versions_on_disk(dataset)
        gone = records.removed_numbers(dataset)
        self.retained = [version for version in on_disk if version not in gone]
        self._digests = records.digests(lake.store, dataset)
        self.uses: dict[str, list[int]] = defaultdict(list)
        self.damages: list[Damage] = []
        self.damaged: set[str] = set()
        self.sick: set[int] = set()
        self.undigested: list[str] = []
        self.found: list[FileDigest] = []
        self.bytes = 0
        self._compared: set[str] = set()
        self._held: tuple[int, list[FragmentMetadata]] | None = None

    def check(self, progress: Progress) -> None:
        self._versions()
        self._manifests()
        self._collect()
        self._sizes()
        self._contents(progress)
        self.damages = [replace(damage, last_good=self.last_good) for damage in self.damages]

    @property
    def last_good(self) -> str | None:
        """The newest version that uses no damaged file."""
        return self.ref(self.whole[-1]) if self.whole else None

    @property
    def whole(self) -> list[int]:
        """The retained versions of which nothing is damaged, as far as that is known by now."""
        return [version for version in self.retained if version not in self.sick]

    def ref(self, version: int) -> str:
        known = self.known.get(version)
        return known.output.ref if known is not None else f"{self.dataset} (Lance version {version})"

    def open(self, version: int) -> lance.LanceDataset:
        return self.lake.table(self.dataset, version)

    def size(self, path: str) -> int | None:
        """How long a file is on disk, by its path within the table's folder; None where it is not there."""
        return self._there.get(path)

    @cached_property
    def _there(self) -> dict[str, int]:
        """Sizes of the files on disk, by path within the table's folder."""
        folder = f"{self.dataset}.lance"
        return {entry.key.removeprefix(f"{folder}/"): entry.size for entry in self.lake.store.scan(folder)}

    def _versions(self) -> None:
        on_disk = set(self.retained)
        for version, known in sorted(self.known.items()):
            if version not in on_disk:
                self.damages.append(
                    Damage(
                        "version_missing",
                        f"{known.output.ref} is gone, and no run says who removed it: run {known.run.id} made it",
                        dataset=self.dataset,
                        file=self._key(manifest_path(version)),
                        rows=known.output.rows,
                        lance_versions=(version,),
                        hint="copy the file back from a backup",
                    )
                )

    def _manifests(self) -> None:
        """Manifests and transactions are small: they are always read."""
        for version in self.retained:
            known = self.known.get(version)
            manifest = manifest_path(version)
            for path in dict.fromkeys([manifest, *(known.output.files if known is not None else ())]):
                self._used(path, version)
                if path in self._digests and path in self._there:
                    self._compared.add(path)
                    self._compare(path, self._digests[path], self._digest(path))

    def _collect(self) -> None:
        """Which versions need which files: all at once, or one by one where a manifest stands in the way."""
        whole = self.whole
        if not whole:
            return
        wanted = set(whole)
        try:
            with guarded(self.dataset):
                if self.sick:
                    raise StorageError("Lance would read the damaged manifests, too")
                for batch in self.open(whole[-1]).tracked_files():
                    columns = (batch.column(name).to_pylist() for name in ("version", "path", "type"))
                    for version, path, kind in zip(*columns, strict=True):
                        if kind != "manifest" and version in wanted:
                            self._used(path, version)
        except StorageError:
            for version in whole:
                self._collect_from(version)

    def _collect_from(self, version: int) -> None:
        try:
            with guarded(self.ref(version)):
                for fragment in self.open(version).get_fragments():
                    for path in fragment_files(fragment.metadata):
                        self._used(path, version)
        except StorageError as error:
            self.sick.add(version)
            self.damages.append(
                Damage(
                    "unreadable",
                    f"{self.ref(version)} cannot be opened: {error.message}",
                    dataset=self.dataset,
                    file=self._key(manifest_path(version)),
                    rows=self.known[version].output.rows if version in self.known else None,
                    lance_versions=(version,),
                    hint=self._way_out("unreadable", manifest_path(version)),
                )
            )

    def _used(self, path: str, version: int) -> None:
        versions = self.uses[path]
        if version not in versions[-1:] and version not in versions:
            versions.append(version)

    def _sizes(self) -> None:
        unknown = [path for path in self.uses if path not in self._digests]
        self.undigested += unknown
        told = {path: file.size for path, file in self._digests.items()} | (self._told_sizes() if unknown else {})
        for path in self.uses:
            size, wanted = self._there.get(path), told.get(path, -1)
            if size is None:
                self._report("missing", path, "is missing")
            elif wanted >= 0 and size != wanted and path not in self.damaged:
                self._report("size", path, f"has {size:,} bytes, and had {wanted:,}")

    def _told_sizes(self) -> dict[str, int]:
        """Sizes as the newest version that opens tells them: of files that nobody has digested yet."""
        sizes: dict[str, int] = {}
        for fragment in self._fragments(self.whole[-1]) if self.whole else ():
            sizes |= {f"data/{file._path}": file.file_size_bytes or -1 for file in fragment.files}
        return sizes

    def _contents(self, progress: Progress) -> None:
        if not self._deep:
            return
        looked_at = self.damaged | self._compared
        paths = [path for path in self.uses if path in self._there and path not in looked_at]
        progress.start(f"fsck {self.dataset}: files", len(paths))
        try:
            for path, found in zip(paths, self._digest_all(paths), strict=True):
                progress.advance(1)
                if (known := self._digests.get(path)) is not None:
                    self._compare(path, known, found)
                elif isinstance(found, FileDigest):
                    self.bytes += found.size
                    self.found.append(found)
        finally:
            progress.done()

    def _digest_all(self, paths: Iterable[str]) -> Iterator[FileDigest | MmregError]:
        waiting = iter(paths)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while chunk := list(islice(waiting, CHUNK)):
                yield from pool.map(self._digest, chunk)

    def _digest(self, path: str) -> FileDigest | MmregError:
        try:
            return FileDigest(path, *digest_file(self.lake.store, self._key(path)))
        except (NotFound, StorageError) as error:
            return error

    def _compare(self, path: str, known: FileDigest, found: FileDigest | MmregError) -> None:
        if isinstance(found, MmregError):
            self._report("unreadable", path, f"cannot be read: {found.message}")
            return
        self.bytes += found.size
        if found.xxh3_128 != known.xxh3_128:
            self._report("changed", path, "has changed: its bytes are not those that were written")

    def _report(self, kind: DamageKind, path: str, what: str) -> None:
        if path in self.damaged:
            return
        self.damaged.add(path)
        versions = self.uses[path]
        if not path.startswith("_transactions/"):
            self.sick.update(versions)
        damage = Damage(
            kind,
            f"{self._key(path)} {what}",
            dataset=self.dataset,
            file=self._key(path),
            lance_versions=tuple(versions),
        )
        if path.startswith("_versions/"):
            rows = self.known[versions[0]].output.rows if versions[0] in self.known else None
            told = replace(damage, message=f"{damage.message}: the manifest of {self.ref(versions[0])}", rows=rows)
        elif path.startswith("_transactions/"):
            told = replace(
                damage, message=f"{damage.message}: what the commit of {self.ref(versions[0])} said of itself"
            )
        else:
            told = self._located(damage, path)
        self.damages.append(replace(told, hint=self._way_out(kind, path)))

    def _way_out(self, kind: DamageKind, path: str) -> str:
        newest_only = self.uses[path] == self.retained[-1:] and len(self.retained) > 1
        if newest_only and (path.startswith("_versions/") or kind in ("missing", "size")):
            return f"copy the file back from a backup; or mmreg fsck --rollback {self.dataset}"
        return "copy the file back from a backup, then mmreg fsck --deep"

    def _located(self, damage: Damage, path: str) -> Damage:
        """``damage`` with the rows and columns that ``path`` holds, as far as they can be told."""
        for version in reversed(self.uses[path]):
            try:
                with guarded(self.ref(version)):
                    return self._located_at(damage, path, version)
            except StorageError:
                continue
        return damage

    def _located_at(self, damage: Damage, path: str, version: int) -> Damage:
        table = self.open(version)
        metadata = next(found for found in self._fragments(version) if path in fragment_files(found))
        held = {number for file in metadata.files if f"data/{file._path}" == path for number in file.fields}
        columns = tuple(name for name, ids in column_fields(table.lance_schema).items() if held.intersection(ids))
        told = replace(damage, rows=metadata.num_rows, columns=columns)
        fragment = table.get_fragment(metadata.id)
        if fragment is None or path.startswith("_deletions/"):
            return told
        wanted = ["sample_id"] if "sample_id" in table.schema.names and "sample_id" not in columns else []
        try:
            with guarded(damage.message):
                first = fragment.to_table(columns=wanted, with_row_id=True, limit=SHOWN)
        except StorageError:
            return told
        ids = tuple(id.hex() for id in values(first["sample_id"])) if wanted else ()
        return replace(told, row_ids=tuple(values(first["_rowid"])), sample_ids=ids)

    def _fragments(self, version: int) -> list[FragmentMetadata]:
        if self._held is None or self._held[0] != version:  # of one version at a time: they take memory
            self._held = version, [fragment.metadata for fragment in self.open(version).get_fragments()]
        return self._held[1]

    def _key(self, path: str) -> str:
        return f"{self.dataset}.lance/{path}"
