"""A walk through the history of a root's table: fragment by fragment, each file once, without media or texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.registry.changes import address_hash
from mmreg.registry.erase.likeness import contents, media_columns, media_of, told_cells
from mmreg.registry.erase.versions import removed
from mmreg.registry.lake import reading
from mmreg.registry.snapshot import Layout
from mmreg.schemas.arrow import MADE_FOR, PARENT, media_kind
from mmreg.schemas.cells import values

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.workspace import Workspace

BATCH_ROWS = 65_536
ASKED, SAME_MEDIA, SAME_CONTENT, MADE_FROM = (
    "asked for", "the same media", "the same content", "made from one of these",
)  # fmt: skip


@dataclass
class Wanted:
    """What to look for; it grows. Ids and contents are by root, the rest is looked for everywhere."""

    ids: dict[str, dict[bytes, str]] = field(default_factory=lambda: defaultdict(dict))
    beginnings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    asked_in: frozenset[str] = frozenset()
    """The roots in which ``beginnings``, ``sources`` and ``digests`` are looked for."""
    digests: frozenset[bytes] = frozenset()
    media: set[bytes] = field(default_factory=set)
    contents: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def size(self) -> int:
        return sum(map(len, self.ids.values())) + len(self.media) + sum(map(len, self.contents.values()))


@dataclass
class InRoot:
    """Where in a root's table the samples are.

    ``versions`` are those with a file that holds them, with the row ids that are to be seen there (none where they are
    deleted). ``addresses`` are hashes of where they came from. ``offsets`` are physical places by data file.
    ``fragments`` are those of the newest version to be written anew, ``live`` the row ids to be deleted from it.
    """

    samples: dict[bytes, str]
    row_ids: set[int] = field(default_factory=set)
    addresses: set[int] = field(default_factory=set)
    versions: dict[int, frozenset[int]] = field(default_factory=dict)
    offsets: dict[str, list[int]] = field(default_factory=dict)
    fragments: set[int] = field(default_factory=set)
    live: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Match:
    """A row that is wanted: its place in the files of a fragment."""

    offset: int
    sample_id: bytes
    because: str
    media: tuple[bytes, ...]
    address: int | None


Key = tuple[str, ...]
"""The files of a fragment that hold what is looked at."""


class Walk:
    """One walk through the history of a root's table, made as often as needed."""

    def __init__(self, workspace: Workspace, root: str) -> None:
        self._workspace, self.root = workspace, root

    def look(self, wanted: Wanted) -> dict[Key, list[Match]]:
        """The rows that are wanted, by the files that they lie in."""
        found: dict[Key, list[Match]] = {}
        seen: set[Key] = set()
        with reading(self.root):
            for table, _ in self._versions:
                columns = _Columns(table, wanted.contents.get(self.root))
                for fragment in table.get_fragments():
                    key = columns.files(fragment.metadata)
                    if key not in seen:
                        seen.add(key)
                        if matches := list(self._matches(table, fragment, columns, wanted)):
                            found[key] = matches
        return found

    def tie(self, found: dict[Key, list[Match]], wanted: Wanted) -> None:
        """Let what was found be wanted by itself, and what is like it."""
        for matches in found.values():
            for match in matches:
                wanted.ids[self.root].setdefault(match.sample_id, match.because)
                wanted.media.update(match.media)
        for rows in self._visible(found):
            wanted.contents[self.root].update(d for d in contents(rows, told_cells(rows.schema)) if d is not None)

    def locate(self, found: dict[Key, list[Match]]) -> InRoot:
        every = [match for matches in found.values() for match in matches]
        there = InRoot({match.sample_id: match.because for match in every})
        there.addresses = {match.address for match in every if match.address is not None}
        offsets: dict[str, set[int]] = defaultdict(set)
        rows: dict[tuple[Key, object], frozenset[int]] = {}
        for table, version in self._versions:
            columns = _Columns(table, None)
            fragments: set[int] = set()
            live: frozenset[int] = frozenset()
            for fragment in table.get_fragments():
                matches = found.get(columns.files(fragment.metadata))
                if matches is None:
                    continue
                fragments.add(fragment.fragment_id)
                places = [match.offset for match in matches]
                for file in fragment.data_files():
                    offsets[file.path].update(places)
                key = (columns.files(fragment.metadata), _deletion(fragment.metadata))
                if key not in rows:
                    rows[key] = _row_ids(table, fragment, places)
                live |= rows[key]
            there.fragments, there.live = fragments, live
            if fragments:
                there.versions[version] = live
                there.row_ids |= live
        there.offsets = {path: sorted(places) for path, places in offsets.items()}
        return there

    @cached_property
    def _versions(self) -> list[tuple[lance.LanceDataset, int]]:
        """Oldest first: there rows are not deleted yet. Versions that vanish meanwhile are passed over, and so are
        those of which a run says that it removes them: killed in between, some of their files are gone."""
        lake, going = self._workspace.lake, removed(self._workspace, self.root)
        there = (version for version in lake.versions_on_disk(self.root) if version not in going)
        opened = ((lake.find_table(self.root, version), version) for version in there)
        return [(table, version) for table, version in opened if table is not None]

    def _visible(self, found: dict[Key, list[Match]]) -> Iterator[pa.Table]:
        """What the source said of the rows found, once for each place; not of rows that no version shows."""
        left = dict(found)
        for table, _ in self._versions:
            columns, told = _Columns(table, None), told_cells(table.schema)
            if not told or any(media_kind(table.schema.field(name).type) for name in told):
                continue
            for fragment in table.get_fragments():
                if (matches := left.pop(columns.files(fragment.metadata), None)) is None:
                    continue
                rows = _row_ids(table, fragment, [match.offset for match in matches])
                if rows:
                    yield table._take_rows(sorted(rows), columns=told)

    def _matches(
        self, table: lance.LanceDataset, fragment: lance.LanceFragment, columns: _Columns, wanted: Wanted
    ) -> Iterator[Match]:
        scanner = table.scanner(
            columns=columns.names, with_row_id=True, include_deleted_rows=True, fragments=[fragment],
            batch_size=64 if columns.heavy else BATCH_ROWS, scan_in_order=True,
        )  # fmt: skip
        start = 0
        for batch in scanner.to_batches():
            ids = None
            for place, because in sorted(self._wanted_in(batch, columns, wanted).items()):
                ids = ids if ids is not None else values(batch.column("sample_id"))
                media = [d for name in columns.media for d in _digests(batch, name, place)]
                address = None
                if "_source.uri" in columns.names:
                    address = address_hash(values(batch.column("_source.uri").slice(place, 1))[0])
                yield Match(start + place, ids[place], because, tuple(media), address)
            start += batch.num_rows

    def _wanted_in(self, batch: pa.RecordBatch, columns: _Columns, wanted: Wanted) -> dict[int, str]:
        """Places in ``batch``, each with the first reason why it is wanted."""
        found: dict[int, str] = {}

        def note(column: pa.Array[Any], among: Iterable[Any], because: str) -> None:
            listed = list(among)
            if listed:
                mask: Any = pc.is_in(column, value_set=pa.array(listed, column.type))
                for place in np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist():
                    found.setdefault(place, because)

        ids = batch.column("sample_id")
        known = wanted.ids.get(self.root, {})
        for because in dict.fromkeys(known.values()):
            note(ids, (sample for sample, why in known.items() if why == because), because)
        if self.root in wanted.asked_in:
            for beginning in wanted.beginnings:
                found = dict.fromkeys(_beginning(ids, beginning), ASKED) | found
            if "_source" in columns.there:
                note(batch.column("_source.uri"), wanted.sources, ASKED)
            self._note_media(batch, columns, wanted.digests, ASKED, found)
        for ground, column in columns.parents:
            if column == MADE_FOR.name and (made_of := self._made_of) is not None:
                note(batch.column(column), wanted.ids.get(made_of, ()), MADE_FROM)
            elif column != MADE_FOR.name:
                for root, samples in wanted.ids.items():
                    mine = pc.if_else(pc.equal(batch.column(ground), pa.scalar(root)), batch.column(column), None)
                    note(mine, samples, MADE_FROM)
        self._note_media(batch, columns, wanted.media, SAME_MEDIA, found)
        if wanted.contents.get(self.root):
            for place, digest in enumerate(contents(batch, columns.told)):
                if digest in wanted.contents[self.root]:
                    found.setdefault(place, SAME_CONTENT)
        return found

    def _note_media(
        self, batch: pa.RecordBatch, columns: _Columns, digests: Iterable[bytes], why: str, found: dict[int, str]
    ) -> None:
        among = frozenset(digests)
        if not among:
            return
        for name in columns.media:
            if name.endswith(".sha256"):
                column = batch.column(name)
                mask: Any = pc.is_in(column, value_set=pa.array(sorted(among), column.type))
                places = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
            else:
                places = [p for p, media in enumerate(media_of(batch.column(name))) if not among.isdisjoint(media)]
            for place in places:
                found.setdefault(place, why)

    @cached_property
    def _made_of(self) -> str | None:
        """The root whose samples the rows here were made for; None where no pass made them."""
        for run in self._workspace.catalog.runs("pass"):
            if run.facets["pass"].get("into") == self.root:
                return str(run.facets["pass"]["root"])
        return None


class _Columns:
    """What is looked at of a table: of media only their digests, and nothing that is told but for ``contents``."""

    def __init__(self, table: lance.LanceDataset, contents: set[bytes] | None) -> None:
        schema = table.schema
        self.there = schema.names
        self.told = told_cells(schema) if contents else []
        self.heavy = any(not media_kind(schema.field(name).type) for name in media_columns(schema))
        self.media = [
            f"{name}.sha256" if media_kind(schema.field(name).type) else name for name in media_columns(schema)
        ]
        self.parents: list[tuple[str, str]] = []
        if PARENT.name in self.there and schema.field(PARENT.name).type == PARENT.type:
            self.parents.append(("parent.dataset", "parent.sample_id"))
        if MADE_FOR.name in self.there:
            self.parents.append(("", MADE_FOR.name))
        names = ["sample_id", *self.media, *self.told, *(name for pair in self.parents for name in pair if name)]
        self.names = list(dict.fromkeys([*names, *(["_source.uri"] if "_source" in self.there else [])]))
        fields = Layout.of([], table.lance_schema).fields
        looked_at = {name.partition(".")[0] for name in self.names} - set(self.told)
        self._ids = {number for name in looked_at for number in fields.get(name, ())}

    def files(self, fragment: FragmentMetadata) -> Key:
        return tuple(file.path for file in fragment.files if not self._ids.isdisjoint(file.fields))


def _beginning(ids: pa.Array[Any], beginning: str) -> list[int]:
    return [place for place, sample in enumerate(values(ids)) if sample.hex().startswith(beginning)]


def _digests(batch: pa.RecordBatch, name: str, place: int) -> Sequence[bytes]:
    if name.endswith(".sha256"):
        digest = values(batch.column(name).slice(place, 1))[0]
        return () if digest is None else (digest,)
    return next(media_of(batch.column(name).slice(place, 1)))


def _row_ids(table: lance.LanceDataset, fragment: lance.LanceFragment, offsets: Sequence[int]) -> frozenset[int]:
    """The row ids at these places, without deleted rows."""
    scanner = table.scanner(
        columns=[], with_row_id=True, include_deleted_rows=True, fragments=[fragment], scan_in_order=True
    )
    rows = scanner.to_table()["_rowid"].take(pa.array(offsets, pa.int64()))
    return frozenset(row for row in values(rows) if row is not None)


def _deletion(fragment: FragmentMetadata) -> object:
    file = fragment.deletion_file
    return None if file is None else (file.read_version, file.id)
