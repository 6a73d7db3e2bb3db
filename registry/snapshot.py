"""One version of a root's table, and which files of its fragments hold which columns.

Metadata of thousands of fragments is slow to ask Lance for, and every pass and selection asks the same of it: so it
is read once a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import xxhash
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata
    from lance.schema import LanceSchema


@dataclass(frozen=True)
class Snapshot:
    """A table at one version."""

    table: lance.LanceDataset

    @cached_property
    def layout(self) -> Layout:
        fragments = [fragment.metadata for fragment in self.table.get_fragments()]
        return Layout.of(fragments, self.table.lance_schema)


@dataclass(frozen=True)
class Layout:
    """``fragments`` are the ids in the order of the manifest, ``live`` their rows that are not deleted.

    ``files`` has the hash of a path for each fragment and field, 0 for no file; ``fields`` the ids below each column.
    """

    fragments: NDArray[np.int64]
    live: NDArray[np.int64]
    deletions: NDArray[np.uint64]
    files: NDArray[np.uint64]
    fields: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, fragments: Sequence[FragmentMetadata], schema: LanceSchema) -> Layout:
        fields = column_fields(schema)
        width = _width(fields)
        return cls(
            fragments=np.array([fragment.id for fragment in fragments], np.int64),
            live=np.array([fragment.num_rows for fragment in fragments], np.int64),
            deletions=np.array([_deletion(fragment) for fragment in fragments], np.uint64),
            files=np.array([_files(fragment, width) for fragment in fragments], np.uint64).reshape(-1, width),
            fields=fields,
        )

    def after(self, changed: Iterable[FragmentMetadata], schema: LanceSchema) -> Layout:
        """This layout once ``changed`` stand in the place of the fragments with their ids, under ``schema``."""
        fields = column_fields(schema)
        files = np.zeros((len(self.fragments), max(_width(fields), self.files.shape[1])), np.uint64)
        files[:, : self.files.shape[1]] = self.files
        places = {number: place for place, number in enumerate(self.fragments.tolist())}
        for fragment in changed:
            files[places[fragment.id]] = _files(fragment, files.shape[1])
        return replace(self, files=files, fields=fields)

    def fingerprints(self, columns: Iterable[str]) -> NDArray[np.uint64]:
        """For each fragment 64 bits over the files that hold ``columns``: moved by a rewrite, not by a deletion."""
        names = {name.partition(".")[0] for name in columns}
        wanted = sorted(number for name in names for number in self.fields.get(name, ()))
        data, step = self.files[:, wanted].tobytes(), len(wanted) * self.files.itemsize
        rows = [data[place * step : (place + 1) * step] for place in range(len(self.files))]
        return np.array([xxhash.xxh3_64_intdigest(row) for row in rows], np.uint64)

    def without(self, columns: Iterable[str]) -> NDArray[np.bool_]:
        """Which fragments have no file that holds any of ``columns``: all of their cells are null."""
        wanted = [number for name in columns for number in self.fields.get(name, ())]
        held: NDArray[np.bool_] = np.asarray(self.files[:, wanted].any(axis=1), bool)
        return ~held

    def digest(self, columns: Iterable[str]) -> str:
        """16 hex digits over the rows and ``columns``: moved by rows and by these columns, by nothing else."""
        files = self.fingerprints(["sample_id", *columns])
        whole = np.column_stack([self.fragments.astype(np.uint64), self.deletions, files])
        return xxhash.xxh3_64_hexdigest(whole.tobytes())


def file_paths(fragment: FragmentMetadata) -> list[str]:
    """The paths of a fragment's files."""
    # Lance's property `path` makes a class at every look: with many fragments that was most of planning.
    return [file._path for file in fragment.files]


def column_fields(schema: LanceSchema) -> dict[str, list[int]]:
    """The ids of the fields below each column, its own among them: a file names those that hold values."""
    ids: dict[str, list[int]] = {}
    for column in schema.fields():
        below = ids[column.name()] = []
        queue = [column]
        while queue:
            field = queue.pop()
            below.append(field.id())
            queue.extend(field.children())
    return ids


def _width(fields: Mapping[str, Sequence[int]]) -> int:
    return 1 + max((number for ids in fields.values() for number in ids), default=-1)


def _files(fragment: FragmentMetadata, width: int) -> list[int]:
    row = [0] * width
    for path, file in zip(file_paths(fragment), fragment.files, strict=True):
        digest = xxhash.xxh3_64_intdigest(path.encode())
        for number in file.fields:
            if 0 <= number < width:  # below 0: written again elsewhere; beyond: of a column that was dropped
                row[number] = digest
    return row


def _deletion(fragment: FragmentMetadata) -> int:
    file = fragment.deletion_file
    return 0 if file is None else xxhash.xxh3_64_intdigest(f"{file.read_version}-{file.id}".encode())
