"""The objects of the lake that are no Lance tables: run objects, staged results, leases.

A `Store` is a flat map from '/'-separated keys, relative to the lake's root, to bytes. Its one strong promise
is `put_new`: of all that put the same new key, exactly one is told True. `probe` finds out whether a store
keeps it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mmreg.errors import StorageError
from mmreg.registry.entry import Entry
from mmreg.registry.store_local import LocalStore

RACERS, RACES = 8, 3


class Store(Protocol):
    """Every method raises `StorageError` where disk, network or permissions say no."""

    @property
    def uri(self) -> str:
        """The lake's root, absolute, as Lance opens it."""

    @property
    def options(self) -> dict[str, str]:
        """Lance's ``storage_options``; empty for a local lake."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Write ``key`` unless it exists: False if it did. Never torn, never half there."""

    def put(self, key: str, data: bytes) -> None:
        """Write ``key``, in the place of what was there, at once."""

    def get(self, key: str) -> bytes | None:
        """The bytes of ``key``; None if there is no such key."""

    def list(self, prefix: str) -> Iterator[str]:
        """Every key below the folder ``prefix`` ('' for all), at any depth, sorted."""

    def stream(self, key: str) -> Iterator[bytes]:
        """The bytes of ``key``, of any file of the lake, piece by piece: memory is bounded by a piece.

        Raises `NotFound` where there is no such key.
        """

    def scan(self, prefix: str) -> Iterator[Entry]:
        """Every file below the folder ``prefix`` with size and age, in no order; what killed writers left of their
        temporary files is among them."""

    def persist(self, keys: Iterable[str]) -> None:
        """Return when these files, with the folders that lead to them, would survive a power loss: where the lake
        declares ``durability: fsync``. Else, and on an object store, which has stored what it acknowledged, nothing.
        """

    def folders(self) -> Sequence[str]:
        """Names of the folders directly below the lake's root, sorted."""

    def delete(self, key: str) -> None:
        """Remove ``key``; one that is absent is fine."""


def open_store(uri: str, options: Mapping[str, str], *, durable: bool = False) -> Store:
    """The store at a local path or at ``scheme://...``; the latter needs the extra `s3`.

    ``durable``: what is written to a local one is on the disk before the writer goes on.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return LocalStore(uri, durable=durable)
    if scheme == "file":
        return LocalStore(rest, durable=durable)
    from mmreg.registry.store_object import ObjectStore

    return ObjectStore(uri, options)


@dataclass(frozen=True)
class StoreFacts:
    """What a store was seen to do. ``reason`` says why ``conditional_put`` is False, or how it was shown."""

    conditional_put: bool
    reason: str


def probe(store: Store) -> StoreFacts:
    """Try conditional put, twice in turn and then in small races; leaves nothing behind.

    Raises `StorageError` where even a plain write fails: that says nothing about conditions.
    """
    key = f"_mmreg/probe/{uuid.uuid4().hex}"
    try:
        store.put(f"{key}-plain", b"plain")
        return _conditional_put(store, key)
    finally:
        for left in list(store.list("_mmreg/probe")):
            if left.startswith(key):
                store.delete(left)


def _conditional_put(store: Store, key: str) -> StoreFacts:
    from concurrent.futures import ThreadPoolExecutor

    try:
        first, second = store.put_new(f"{key}-turn", b"first"), store.put_new(f"{key}-turn", b"second")
    except StorageError as error:
        return StoreFacts(False, f"the store refuses a conditional put: {error.message}")
    if not first:
        return StoreFacts(False, "a put of a new key was answered as if the key had existed")
    if second or store.get(f"{key}-turn") != b"first":
        return StoreFacts(False, "a second put of the same key replaced the first: the condition is ignored")
    with ThreadPoolExecutor(RACERS) as pool:
        for race in range(RACES):
            at, racers = f"{key}-race-{race}", [b"%d" % racer for racer in range(RACERS)]
            told = pool.map(store.put_new, [at] * RACERS, racers)
            won = [racer for racer, first in zip(racers, told, strict=True) if first]
            if len(won) != 1:
                said = f"{len(won)} of {RACERS} simultaneous puts of one key were told that they were first"
                return StoreFacts(False, said)
            if store.get(at) not in won:
                return StoreFacts(False, f"of {RACERS} simultaneous puts of one key another stayed than was told so")
    return StoreFacts(True, f"one of {RACERS} simultaneous puts won in {RACES} races, later ones were refused")
