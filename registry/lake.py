"""The lake: a folder or a bucket with one Lance table a dataset, and what mmreg keeps beside them.

    mmreg.json              the lake's id, its format, what its store can do
    <dataset>.lance         one linear history a dataset
    _mmreg/runs, runs.lance run objects and their archive
    _mmreg/objects          large parameters by digest: rejected records, fragment summaries, digests of files
    _mmreg/decisions        what selections decided about each row
    _mmreg/erasures         what is erased
    _mmreg/stage, leases    work in progress

Nothing in it is an absolute path, so a copied, renamed or mounted-elsewhere lake works as it is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from mmreg.errors import Conflict, FilterError, IntegrityError, NotFound, StorageError, StoreUnsafe
from mmreg.registry.store import Store, open_store, probe

if TYPE_CHECKING:
    import lance

FORMAT = 2
"""What `mmreg.registry.migrate` makes of older lakes, which are read and extended as they are as well."""

MARKER = "mmreg.json"

WRITE_AGAIN = "look at the free space, the permissions and the network, then repeat the command"
"""What to do where a write failed: nothing of it is there, or all."""


class Lake:
    """An opened lake. ``store`` holds its objects; tables are opened through `table`.

    ``writers`` says whether many processes may write to it at once, or only one. ``format`` is that of mmreg.json.
    """

    def __init__(self, store: Store, lake_id: str, writers: Literal["many", "one"], format: int = FORMAT) -> None:
        self.store = store
        self.id = lake_id
        self.writers = writers
        self.format = format

    @classmethod
    def create(cls, uri: str, options: dict[str, str], *, single_writer: bool = False, durable: bool = False) -> Lake:
        """Make ``uri`` a lake, or open it if it is one.

        Raises `StoreUnsafe` where the store ignores conditional put, unless ``single_writer`` says that nobody
        else will ever write: then that is recorded in the lake.
        """
        store = open_store(uri, options, durable=durable)
        if store.get(MARKER) is None:
            facts = probe(store)
            if not facts.conditional_put and not single_writer:
                raise StoreUnsafe(
                    f"{uri}: this store does not honour conditional put ({facts.reason}), so two writers could "
                    "silently lose each other's versions",
                    hint="another store; or, where only one process will ever write: mmreg init --single-writer",
                )
            marker = {
                "lake": str(uuid.uuid4()),
                "format": FORMAT,
                "store": {"conditional_put": facts.conditional_put, "reason": facts.reason},
                "writers": "many" if facts.conditional_put else "one",
            }
            store.put_new(MARKER, json.dumps(marker, indent=2).encode() + b"\n")
        return cls.open(uri, options, durable=durable)

    @classmethod
    def open(cls, uri: str, options: dict[str, str], *, durable: bool = False) -> Lake:
        """Open an existing lake; ``durable`` as in `open_store`.

        Raises `NotFound`, or `IntegrityError` for a format of a newer mmreg.
        """
        store = open_store(uri, options, durable=durable)
        marker = store.get(MARKER)
        if marker is None:
            raise NotFound(f"{uri} is no lake: it has no {MARKER}", hint="mmreg init")
        facts = json.loads(marker)
        if facts["format"] > FORMAT:
            raise IntegrityError(
                f"{uri} has lake format {facts['format']}; this mmreg knows formats up to {FORMAT}",
                hint="pip install --upgrade mmreg",
            )
        return cls(store, facts["lake"], facts["writers"], facts["format"])

    def table_uri(self, dataset: str) -> str:
        """Where plain Lance opens ``dataset``."""
        return f"{self.store.uri.rstrip('/')}/{dataset}.lance"

    def table(self, dataset: str, lance_version: int | None = None) -> lance.LanceDataset:
        """Open ``dataset``'s table, newest or at ``lance_version``. Raises `NotFound` or `StorageError`."""
        found = self.find_table(dataset, lance_version)
        if found is None:
            at = f" at Lance version {lance_version}" if lance_version else ""
            raise NotFound(f"{dataset}: no such table in the lake{at}", hint="mmreg apply, or mmreg ls")
        return found

    def find_table(self, dataset: str, lance_version: int | None = None) -> lance.LanceDataset | None:
        """Like `table`, but None where nothing was ever committed."""
        import lance

        try:
            return lance.dataset(
                self.table_uri(dataset), version=lance_version, storage_options=self.store.options or None
            )
        except (ValueError, FileNotFoundError, OSError) as error:
            if "not found" in str(error).lower():
                return None
            raise StorageError(
                f"{dataset}: the table cannot be opened: {first_line(error)}", hint=f"mmreg fsck {dataset}"
            ) from error

    def versions_on_disk(self, dataset: str) -> list[int]:
        """Lance versions that have a manifest, oldest first: a directory listing, nothing is opened."""
        keys = self.store.list(f"{dataset}.lance/_versions/")
        return sorted(_manifest_version(key) for key in keys if key.endswith(".manifest"))

    def datasets(self) -> list[str]:
        """Names of all tables, by their folders; one whose first commit never landed may be among them."""
        return [name.removesuffix(".lance") for name in self.store.folders() if name.endswith(".lance")]


def first_line(error: BaseException) -> str:
    """The readable part of a foreign message: without the source positions that Lance appends."""
    return str(error).splitlines()[0].split(", /")[0] if str(error) else type(error).__name__


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what Lance says while it reads ``what`` into an error of ours: a predicate's fault, or the disk's."""
    try:
        yield
    except (OSError, ValueError) as error:
        if "regex" in str(error).lower() or "Invalid user input" in str(error):
            raise FilterError(f"{what}: {first_line(error)}", hint="mend the predicate") from error
        raise StorageError(f"{what}: {first_line(error)}", hint="mmreg doctor") from error


def is_conflict(error: BaseException) -> bool:
    """Whether a failed commit only says that somebody else was first. Lance's types vary, so its words decide."""
    if isinstance(error, Conflict) or type(error).__name__ == "CommitConflictError":
        return True
    text = str(error)
    return any(
        words in text
        for words in (
            "commit conflict",
            "Commit conflict",
            "preempted by concurrent",
            "_versions/0.manifest",
            "Dataset already exists",
        )
    )


def _manifest_version(key: str) -> int:
    # The current naming counts down from 2^64 - 1, so that a listing shows the newest first.
    number = int(key.rsplit("/", 1)[-1].removesuffix(".manifest"))
    return (2**64 - 1) - number if number > 2**63 else number
