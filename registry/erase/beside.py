"""What lies beside the tables and has rows of samples: staged results, decisions, rejected records, the row sets of
trainings, this machine's samples and stamps. Each is written anew without them, or goes where it can be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.changes import ERASED, address_hash, record_hash
from mmreg.registry.decisions import facet_of, without_rows
from mmreg.registry.erase.tombstones import Erasure, replacements, save
from mmreg.registry.objects import get_records, object_key, put_records
from mmreg.registry.row_sets import Ids, as_ids, get_rows, put_rows
from mmreg.schemas.erasure import Beside
from mmreg.schemas.training import trained_on

if TYPE_CHECKING:
    from mmreg.registry.store import Store
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

STAGE = "_mmreg/stage/"
Gone = NDArray[np.uint64]
Clean = Callable[[Erasure], Erasure]
"""Cleans one place and returns the erasure as it is from then on."""


def beside(
    workspace: Workspace, rows: Mapping[str, Gone], addresses: Mapping[str, frozenset[int]], samples: Iterable[bytes]
) -> list[tuple[Beside, Clean]]:
    """The places that have ``rows``, by root, rejected records of ``addresses`` (hashes, by root) or the ids of
    ``samples``, each with how it is cleaned. Cleaning a place twice changes nothing."""
    return [
        *_staged(workspace, rows),
        *_decisions(workspace, rows),
        *_rejected(workspace, addresses),
        *_row_sets(workspace, as_ids(samples)),
        *_samples(workspace, rows),
        *_stamps(workspace, addresses),
    ]


def _staged(workspace: Workspace, rows: Mapping[str, Gone]) -> Iterator[tuple[Beside, Clean]]:
    store = workspace.lake.store
    keys = [key for key in store.list(STAGE) if key.endswith(".arrow")]
    folders = {tuple(key.removeprefix(STAGE).split("/")[:3]) for key in keys}
    for key in keys:
        dataset, name, generation = key.removeprefix(STAGE).split("/")[:3]
        # The rows that a pass makes are staged below the root that they go to, by the rows that they are made for.
        grounds = [root for root in rows if root == dataset or (root, name, generation) in folders]
        gone = np.concatenate([np.empty(0, np.uint64), *(rows[root] for root in grounds)])
        _, first, last, _ = key.rsplit("/", 1)[-1].split("-")
        if not ((gone >= int(first)) & (gone <= int(last))).any() or (data := store.get(key)) is None:
            continue
        table = pa.ipc.open_stream(data).read_all()
        leaving = np.isin(table["_rowid"].to_numpy(), gone)
        if leaving.any():
            what = f"staged results of {leaving.sum():,} rows"
            yield Beside(key, what), _stage_cleaner(workspace, key, table.filter(pa.array(~leaving)))


def _stage_cleaner(workspace: Workspace, key: str, rest: pa.Table) -> Clean:
    def clean(erasure: Erasure) -> Erasure:
        if not rest.num_rows:
            workspace.lake.store.delete(key)
            return erasure
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rest.schema) as writer:
            writer.write_table(rest)
        workspace.lake.store.put(key, sink.getvalue().to_pybytes())
        return erasure

    return clean


def _decisions(workspace: Workspace, rows: Mapping[str, Gone]) -> Iterator[tuple[Beside, Clean]]:
    for run in workspace.catalog.runs("select"):
        facet = facet_of(run)
        if facet is None or workspace.lake.store.get(facet["path"]) is None:
            continue
        # The roots come first among the inputs, in the order of their numbers.
        roots = dict(enumerate(told.ref.partition("@")[0] for told in run.inputs))
        gone = {number: rows[root] for number, root in roots.items() if root in rows}
        if gone and (data := without_rows(workspace.lake.store, run, gone)) is not None:
            yield Beside(facet["path"], "decisions"), _decisions_cleaner(workspace, run, data)


def _decisions_cleaner(workspace: Workspace, run: Run, data: bytes) -> Clean:
    def clean(erasure: Erasure) -> Erasure:
        store, facet = workspace.lake.store, facet_of(run)
        assert facet is not None
        there = hashlib.sha256(store.get(facet["path"]) or b"").hexdigest()
        # Said before it is done: a reader accepts either.
        erasure = replace(erasure, replaced={**erasure.replaced, there: hashlib.sha256(data).hexdigest()})
        save(store, erasure)
        store.put(facet["path"], data)
        return erasure

    return clean


def _rejected(workspace: Workspace, addresses: Mapping[str, frozenset[int]]) -> Iterator[tuple[Beside, Clean]]:
    seen = set()
    for run in workspace.catalog.runs("ingest"):
        digest = run.facets["ingest"].get("rejected_object")
        about = addresses.get(run.job.name)
        if digest is None or not about or digest in seen:
            continue
        seen.add(digest)
        records = list(get_records(workspace.lake.store, digest))
        rest = [_plain(record) if record_hash(record) in about else record for record in records]
        if rest != records:
            clean = _object_cleaner(workspace, digest, partial(put_records, records=rest))
            yield Beside(object_key(digest), "rejected records"), clean


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """A rejected record without its address and what was said of it: so it is still known, and not read again."""
    return {**record, "source": f"{record_hash(record):016x}", "reason": ERASED, "detail": ""}


def _row_sets(workspace: Workspace, gone: Ids) -> Iterator[tuple[Beside, Clean]]:
    digests = {data.rows for run in workspace.catalog.runs("training") for data in trained_on(run) if data.rows}
    for digest in sorted(digests):
        seen = get_rows(workspace.lake.store, digest)
        leaving = np.isin(seen, gone)
        if leaving.any():
            clean = _object_cleaner(workspace, digest, partial(put_rows, ids=seen[~leaving]))
            yield Beside(object_key(digest), f"{leaving.sum():,} samples that a training saw"), clean


def _object_cleaner(workspace: Workspace, digest: str, put: Callable[[Store], str]) -> Clean:
    def clean(erasure: Erasure) -> Erasure:
        store = workspace.lake.store
        former, instead = [digest, *replacements(store, digest)], put(store)
        if instead != former[-1]:
            erasure = replace(erasure, replaced={**erasure.replaced, former[-1]: instead})
            save(store, erasure)
        for old in former:
            if old != instead:
                store.delete(object_key(old))
        return erasure

    return clean


def _samples(workspace: Workspace, rows: Mapping[str, Gone]) -> Iterator[tuple[Beside, Clean]]:
    """Results of ``plan --sample``: they are of few rows, and can be had again."""
    every = np.concatenate([np.empty(0, np.uint64), *rows.values()])
    for file in sorted((workspace.project.folder / ".mmreg" / "samples").glob("*/*.arrow")):
        with suppress(FileNotFoundError), pa.memory_map(str(file)) as source:
            if np.isin(pa.ipc.open_file(source).read_all()["_rowid"].to_numpy(), every).any():
                yield Beside(str(file.relative_to(workspace.project.folder)), "sampled results"), _unlinker(file)


def _unlinker(file: Path) -> Clean:
    def clean(erasure: Erasure) -> Erasure:
        file.unlink(missing_ok=True)
        return erasure

    return clean


def _stamps(workspace: Workspace, addresses: Mapping[str, frozenset[int]]) -> Iterator[tuple[Beside, Clean]]:
    for root, about in addresses.items():
        known = [a for a in workspace.catalog.touched(root) if address_hash(a) in about]
        if known:
            yield Beside("the index", f"{len(known)} stamps of files"), _stamps_cleaner(workspace, root, known)


def _stamps_cleaner(workspace: Workspace, root: str, known: list[str]) -> Clean:
    def clean(erasure: Erasure) -> Erasure:
        workspace.catalog.untouch(root, known)
        return erasure

    return clean
