"""Run objects: one immutable record a run, readable without Lance, and the archive that they are folded into.

A record goes to ``_mmreg/runs/<date of writing>/<run id>.json``, put if absent and never changed; its last field,
``xxh3_128``, is over all before it. A richer copy of the same run (its second commit, the Lance versions known only
afterwards) stands beside it under a name from its content, ``<run id>~<digest>.json``: so it shows in a plain
listing, and a name that is removed never took anything unread with it. `archive` folds objects into the Lance table
``_mmreg/runs.lance`` (id, ended_at, json). A run may thus be found more than once; `merge` makes one of its copies.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING

import xxhash

from mmreg.errors import Conflict, IntegrityError, StorageError
from mmreg.registry.leases import lease
from mmreg.registry.store import Store
from mmreg.schemas.run import Job, Run, RunState, VersionOutput

if TYPE_CHECKING:
    import lance
    import pyarrow as pa

OBJECTS = "_mmreg/runs"
ARCHIVE = "_mmreg/runs.lance"
RUN_PROPERTY = "mmreg.run"
ATTEMPTS = 50
WAIT_S = 60.0
LEASE = "_runs"
"""Held by whoever archives."""
FOLD = 1000
"""Objects in one commit of the archive: what `archive` holds in memory at a time."""

_NAMESPACE = uuid.UUID("5f0a4c1e-9d0b-5c8e-8f57-6d6d72656700")
_SEAL = "xxh3_128"
_SEAL_LENGTH = len(f',"{_SEAL}":"' + 32 * "0" + '"}')
_OBJECT = re.compile(r"(?P<id>[^/~]+)(?:~[0-9a-f]{16})?\.json")


def new_run_id() -> str:
    """A new id; ids sort as text by the time they were made (microseconds, UTC)."""
    return f"{_now():%Y%m%dT%H%M%S.%fZ}-{os.urandom(5).hex()}"


def transaction_uuid(run_id: str, dataset: str) -> str:
    """The uuid of the one transaction by which run ``run_id`` may publish a version of ``dataset``."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}/{dataset}"))


def write_run(store: Store, run: Run) -> None:
    """Record ``run``. Recording it again is fine; a copy that adds something is joined with what is there.

    Raises `IntegrityError` where a record of the same id says something else.
    """
    folder = f"{OBJECTS}/{_now():%Y-%m-%d}"
    first = f"{folder}/{run.id}.json"
    if store.put_new(first, _recorded(run).encode()):
        return
    copies = {key: copy for key in _copies(store, folder, run.id) if (copy := read_object(store, key))}
    joined = reduce(merge, copies.values(), run)
    text = joined.to_json()
    if text in (copy.to_json() for copy in copies.values()):
        return
    import hashlib  # not above: who only reads waits for no cryptography

    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    store.put_new(f"{folder}/{run.id}~{digest}.json", _recorded(joined).encode())
    for key in copies:
        if key != first:
            store.delete(key)


def merge(a: Run, b: Run) -> Run:
    """One run from two copies of its record, in either order.

    The outputs of both are kept, with what only one copy knows of them (Lance version, digests); for the rest the
    copy that ended later speaks. Raises `IntegrityError` where the copies cannot be of one execution.
    """
    older, newer = sorted((a, b), key=lambda run: run.ended_at)
    outputs = _joined(a, b)
    merged = replace(newer, outputs=outputs)
    if (older.id, older.job, older.started_at) != (newer.id, newer.job, newer.started_at) or (
        older.ended_at == newer.ended_at and replace(older, outputs=outputs).to_json() != merged.to_json()
    ):
        raise _contradiction(a)
    return merged


def iter_runs(store: Store) -> Iterator[Run]:
    """Every recorded run once: the archive's first, in its order, then those that are still objects.

    Holds the objects' runs, the ids of the archive and the runs that the archive has twice in memory.
    """
    # Objects first: one that `archive` removes meanwhile is then found in the archive, which is opened later.
    waiting: dict[str, Run] = {}
    for key in list_objects(store):
        if run := read_object(store, key):
            waiting[run.id] = merge(run, waiting[run.id]) if run.id in waiting else run
    table = open_archive(store)
    if table is not None:
        copies = Counter(_column(table, "id"))
        for run in read_archive(table):
            merged = merge(run, waiting.pop(run.id)) if run.id in waiting else run
            copies[run.id] -= 1
            if copies[run.id]:
                waiting[run.id] = merged
            else:
                yield merged
    yield from waiting.values()


def archive(store: Store, keep: int = 0) -> int:
    """Fold run objects, but the newest ``keep``, into the archive; returns how many were folded.

    An object is removed only after the commit that holds its record has landed. Killed in between, the record
    is in both places, which does no harm. Raises `LeaseHeld` where another process archives all the while.
    """
    # One at a time: of two, the slower could remove a record written anew under a name that the quicker freed.
    with lease(store, LEASE, wait_s=WAIT_S):
        keys = sorted(list_objects(store), key=lambda key: key.rpartition("/")[2])
        folded = keys[: max(0, len(keys) - keep)]
        for start in range(0, len(folded), FOLD):
            chunk = folded[start : start + FOLD]
            _append(store, [_whole(data, key) for key in chunk if (data := store.get(key)) is not None])
            for key in chunk:
                store.delete(key)
    return len(folded)


def list_objects(store: Store) -> Iterator[str]:
    """The keys of all run objects."""
    return (key for key in store.list(OBJECTS) if _OBJECT.fullmatch(key.rpartition("/")[2]))


def read_object(store: Store, key: str) -> Run | None:
    """The run recorded at ``key``; None where it has meanwhile been replaced or archived."""
    data = store.get(key)
    return None if data is None else _parsed(data.decode("utf-8", "replace"), key)


def newest_archive(store: Store) -> str:
    """What changes when the archive does, read without Lance: its newest manifest; '' for no archive."""
    # Lance counts manifest names down, so the newest version comes first in a listing.
    return min((key for key in store.list(f"{ARCHIVE}/_versions") if key.endswith(".manifest")), default="")


def open_archive(store: Store) -> lance.LanceDataset | None:
    """The archive's table, or None before the first `archive`."""
    if not newest_archive(store):
        return None
    import lance

    try:
        return lance.dataset(_archive_uri(store), storage_options=store.options or None)
    except (OSError, ValueError) as error:
        raise _archive_error(error) from error


def read_archive(table: lance.LanceDataset, after: int = -1) -> Iterator[Run]:
    """The runs in fragments of the archive with an id above ``after``, in the order of folding."""
    fragments = [fragment for fragment in table.get_fragments() if fragment.fragment_id > after]
    for text in _column(table, "json", fragments) if fragments else ():
        yield _parsed(text, ARCHIVE)


def commit_archive(store: Store, transaction: lance.Transaction, **said: int) -> None:
    """Commit to the archive, with digests of what that brings beside it. Raises `OSError`, as Lance does."""
    import lance

    from mmreg.registry.digests import digest_files, manifest_path, new_files, transaction_path

    transaction.transaction_properties = {RUN_PROPERTY: _maintenance(said).to_json()}
    brought = new_files(transaction.operation, None)
    store.persist(f"{ARCHIVE}/{path}" for path in brought)
    # Without Lance's own retries: repeated, the Overwrite of a lost race to create would replace the winner.
    committed = lance.LanceDataset.commit(
        _archive_uri(store), transaction, storage_options=store.options or None, max_retries=0
    )
    beside = manifest_path(committed.version), transaction_path(transaction.read_version, transaction.uuid)
    store.persist(f"{ARCHIVE}/{path}" for path in beside)
    files = digest_files(store, ARCHIVE, [*brought, *beside])
    store.put(archive_digests(committed.version), json.dumps([asdict(file) for file in files]).encode())


def archive_digests(lance_version: int) -> str:
    """The key of the digests of the files that a commit of the archive brought."""
    return f"_mmreg/archive/{lance_version:012d}.json"


def _copies(store: Store, folder: str, run_id: str) -> Iterator[str]:
    for key in store.list(folder):
        match = _OBJECT.fullmatch(key.rpartition("/")[2])
        if match and match["id"] == run_id:
            yield key


def _joined(a: Run, b: Run) -> tuple[VersionOutput, ...]:
    known = {output.uuid: output for output in a.outputs}
    for output in b.outputs:
        known[output.uuid] = _same_output(b, known.get(output.uuid, output), output)
    if [o.uuid for o in a.outputs] == [o.uuid for o in b.outputs]:
        return tuple(known.values())
    return tuple(sorted(known.values(), key=lambda o: (o.dataset, o.ordinal, o.uuid)))


def _same_output(run: Run, a: VersionOutput, b: VersionOutput) -> VersionOutput:
    lance_version = b.lance_version if a.lance_version is None else a.lance_version
    files = a.files or b.files
    one = replace(a, lance_version=lance_version, files=files)
    other = replace(b, lance_version=lance_version, files=files)
    if (
        replace(run, outputs=(one,)).to_json() != replace(run, outputs=(other,)).to_json()
        or b.lance_version not in (None, lance_version)
        or b.files not in ({}, files)
    ):
        raise _contradiction(run)
    return one


def _contradiction(run: Run) -> IntegrityError:
    return IntegrityError(f"run {run.id}: two records of it say different things", hint="mmreg doctor")


def _recorded(run: Run) -> str:
    """The text of a record: the run's JSON with a digest of itself."""
    text = run.to_json()
    return f'{text[:-1]},"{_SEAL}":"{xxhash.xxh3_128_hexdigest(text.encode())}"}}'


def _whole(data: bytes, place: str) -> str:
    """The text of a record that can be read: a damaged one is never archived."""
    text = data.decode("utf-8", "replace")
    _parsed(text, place)
    return text


def _parsed(text: str, place: str) -> Run:
    place_of_seal = len(text) - _SEAL_LENGTH
    if text.startswith(f',"{_SEAL}":"', place_of_seal):
        digest = xxhash.xxh3_128_hexdigest(f"{text[:place_of_seal]}}}".encode())
        if text[place_of_seal:] != f',"{_SEAL}":"{digest}"}}':
            raise IntegrityError(f"{place}: the record of a run has changed", hint="mmreg fsck --repair")
    try:
        return Run.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{place} holds no run record: {error}", hint="mmreg fsck --repair") from error


def _column(
    table: lance.LanceDataset, name: str, fragments: Sequence[lance.LanceFragment] | None = None
) -> Iterator[str]:
    try:
        for batch in table.scanner(columns=[name], fragments=fragments, batch_size=FOLD).to_batches():
            yield from map(str, batch.column(name).to_pylist())
    except (OSError, ValueError) as error:
        raise _archive_error(error) from error


def _append(store: Store, texts: list[str]) -> None:
    from mmreg.registry.lake import is_conflict

    rows = _rows(texts)
    for _ in range(ATTEMPTS):
        try:
            return _commit(store, rows)
        except OSError as error:
            if not is_conflict(error):
                raise _archive_error(error) from error
    raise Conflict(f"{ARCHIVE}: {ATTEMPTS} other commits came first", hint="repeat the command")


def _commit(store: Store, rows: pa.Table) -> None:
    import lance
    from lance.fragment import write_fragments

    newest = open_archive(store)
    mode = "append" if newest is not None else "create"
    uri, options = _archive_uri(store), store.options or None
    transaction = write_fragments(rows, uri, return_transaction=True, mode=mode, storage_options=options)
    assert isinstance(transaction, lance.Transaction)
    commit_archive(store, transaction, folded=rows.num_rows)


def _rows(texts: list[str]) -> pa.Table:
    import pyarrow as pa

    documents = [json.loads(text) for text in texts]
    columns = {
        "id": [doc["id"] for doc in documents],
        "ended_at": [doc["ended_at"] for doc in documents],
        "json": texts,
    }
    return pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})


def _maintenance(said: Mapping[str, int]) -> Run:
    from mmreg.registry.clock import now

    time = now()
    return Run(
        id=new_run_id(),
        job=Job("maintenance", "archive"),
        state=RunState.COMPLETE,
        started_at=time,
        ended_at=time,
        facets=said,
    )


def _archive_uri(store: Store) -> str:
    return f"{store.uri.rstrip('/')}/{ARCHIVE}"


def _archive_error(error: Exception) -> StorageError:
    from mmreg.registry.lake import first_line

    return StorageError(f"{ARCHIVE}: {first_line(error)}", hint="mmreg doctor")


def _now() -> datetime:
    return datetime.now(UTC)
