"""Digests of files: Lance keeps none, so a flipped bit in a table is read as another value, without an error.

The data and deletion files that a commit brings are digested before it. The list is an object of the lake whose own
digest is in the Run's facet ``files``: so commit and list are one act, and neither changes unseen. Manifest and
transaction can be digested only afterwards; theirs stand in the run's output. `mmreg fsck` compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import xxhash

from mmreg.errors import NotFound, StorageError
from mmreg.registry.objects import get_records, put_records

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.lake import Lake
    from mmreg.registry.store import Store
    from mmreg.schemas.run import Run

CHUNK = 1000
AT_ONCE = 8
"""Files that are read at the same time: what an object store needs to be quick; memory is a piece of each."""


@dataclass(frozen=True)
class FileDigest:
    """A file of a table: ``path`` within the table's folder, ``size`` in bytes, 32 hex digits of XXH3-128."""

    path: str
    size: int
    xxh3_128: str


class Brought:
    """The files that one publish brings, each digested once however often it is tried."""

    def __init__(self, lake: Lake, dataset: str) -> None:
        self._store, self._folder = lake.store, f"{dataset}.lance"
        self._known: dict[str, FileDigest] = {}

    def facet(self, operation: lance.LanceOperation.BaseOperation, table: lance.LanceDataset | None) -> dict[str, Any]:
        """What a Run says of the files that ``operation`` adds to ``table``; empty where these are none.

        Raises `NotFound` where one of them is not there.
        """
        paths = new_files(operation, table)
        new = [path for path in paths if path not in self._known]
        self._known |= {found.path: found for found in digest_files(self._store, self._folder, new)}
        self._store.persist(f"{self._folder}/{path}" for path in new)
        return files_facet(self._store, [self._known[path] for path in paths]) if paths else {}


def files_facet(store: Store, files: Iterable[FileDigest]) -> dict[str, Any]:
    """Keep a list of files and return what a Run says of it."""
    listed = sorted(files, key=lambda file: file.path)
    return {
        "object": put_records(store, map(asdict, listed)),
        "files": len(listed),
        "bytes": sum(file.size for file in listed),
    }


def listed_files(store: Store, facet: Mapping[str, Any]) -> Iterator[FileDigest]:
    """The files that a Run's facet tells of. Raises `IntegrityError` where the list is gone or has changed."""
    for record in get_records(store, facet["object"]):
        yield FileDigest(record["path"], record["size"], record["xxh3_128"])


def new_files(operation: lance.LanceOperation.BaseOperation, table: lance.LanceDataset | None) -> list[str]:
    """The data and deletion files that ``operation`` names and ``table`` does not, within the table's folder."""
    changed, added = _fragments(operation)
    there: set[str] = set()
    for known in map(table.get_fragment, [fragment.id for fragment in changed]) if table is not None else ():
        if known is not None:
            there.update(fragment_files(known.metadata))
    named = dict.fromkeys(path for fragment in (*changed, *added) for path in fragment_files(fragment))
    return [path for path in named if path not in there]


def fragment_files(fragment: FragmentMetadata) -> list[str]:
    """The files of a fragment, within the table's folder."""
    from mmreg.registry.snapshot import file_paths  # needs numpy, which looking things up does not

    files = [f"data/{path}" for path in file_paths(fragment)]
    return files if fragment.deletion_file is None else [*files, fragment.deletion_file.path(fragment.id)]


def digest_files(store: Store, folder: str, paths: Iterable[str]) -> Iterator[FileDigest]:
    """The digests of files below ``folder``, in the order given, several read at once. Raises `NotFound`."""

    def digest(path: str) -> FileDigest:
        size, digest = digest_file(store, f"{folder}/{path}")
        return FileDigest(path, size, digest)

    waiting = iter(paths)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while chunk := list(islice(waiting, CHUNK)):
            yield from pool.map(digest, chunk)


def digest_file(store: Store, key: str) -> tuple[int, str]:
    """Size in bytes and XXH3-128 of a file of the lake. Raises `NotFound`."""
    size, digest = 0, xxhash.xxh3_128()
    for piece in store.stream(key):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def sealed(lake: Lake, run: Run, dataset: str, read_version: int) -> Run:
    """``run`` with the digests of manifest and transaction in its output of ``dataset``, whose Lance version is known.

    ``read_version`` is the Lance version that the commit was built on.
    """
    output = next(output for output in run.outputs if output.dataset == dataset and output.lance_version is not None)
    paths = (manifest_path(output.lance_version or 0), transaction_path(read_version, output.uuid))
    try:
        files = {file.path: file.xxh3_128 for file in digest_files(lake.store, f"{dataset}.lance", paths)}
    except (NotFound, StorageError):
        return run  # the commit stands, whatever became of the network since: `mmreg fsck --repair` digests them
    return run.with_output(replace(output, files=files))


def manifest_path(lance_version: int) -> str:
    """Where Lance keeps the manifest of a version: names count down, so that a listing shows the newest first."""
    return f"_versions/{2**64 - 1 - lance_version:020d}.manifest"


def transaction_path(read_version: int, uuid: str) -> str:
    """Where Lance keeps what a commit says of itself; ``read_version`` is the version that it was built on."""
    return f"_transactions/{read_version}-{uuid}.txn"


def _fragments(
    operation: lance.LanceOperation.BaseOperation,
) -> tuple[list[FragmentMetadata], list[FragmentMetadata]]:
    """The fragments that an operation changes, by the ids that they have, and those that it adds."""
    from lance import LanceOperation

    match operation:
        case LanceOperation.Overwrite() | LanceOperation.Append():
            return [], list(operation.fragments)
        case LanceOperation.Update():
            return list(operation.updated_fragments or ()), list(operation.new_fragments or ())
        case LanceOperation.Merge():
            return list(operation.fragments), []
        case LanceOperation.Delete():
            return list(operation.updated_fragments), []
        case LanceOperation.Rewrite():
            return [], [fragment for group in operation.groups for fragment in group.new_fragments]
    return [], []
