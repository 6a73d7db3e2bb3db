"""Large parameters of a Run, kept once by their digest: ``_mmreg/objects/<first two>/<sha256>``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmreg.errors import IntegrityError
from mmreg.registry.store import Store


def put_object(store: Store, data: bytes) -> str:
    """Keep ``data`` and return its SHA-256 in hex. Keeping the same bytes twice costs nothing."""
    digest = digest_of(data)
    store.put_new(object_key(digest), data)
    return digest


def digest_of(data: bytes) -> str:
    """The name under which `put_object` keeps ``data``."""
    return hashlib.sha256(data).hexdigest()


def get_object(store: Store, digest: str) -> bytes:
    """Return what `put_object` kept, or what an erasure has put in its place.

    Raises `IntegrityError` where it is gone or its bytes have changed.
    """
    from mmreg.registry.erase.tombstones import replacements  # needs numpy, which looking things up does not

    data = store.get(object_key(digest))
    if data is None and (replaced := replacements(store, digest)):
        return get_object(store, replaced[-1])
    if data is None:
        raise IntegrityError(f"object {digest} is missing from the lake ({object_key(digest)})", hint="mmreg doctor")
    if hashlib.sha256(data).hexdigest() != digest:
        raise IntegrityError(f"object {digest} has changed in the lake ({object_key(digest)})", hint="mmreg doctor")
    return data


def put_records(store: Store, records: Iterable[Mapping[str, Any]]) -> str:
    """Keep records as JSON Lines, in the order given."""
    lines = (json.dumps(record, sort_keys=True, ensure_ascii=False) for record in records)
    return put_object(store, "".join(line + "\n" for line in lines).encode())


def get_records(store: Store, digest: str) -> Iterator[dict[str, Any]]:
    for line in get_object(store, digest).decode().split("\n"):
        if line:
            yield json.loads(line)


def object_key(digest: str) -> str:
    """Where the object with this digest lies."""
    return f"_mmreg/objects/{digest[:2]}/{digest}"
