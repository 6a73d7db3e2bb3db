"""What moved between a source and the newest version of its dataset, told from addresses and stamps alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.registry.objects import get_records
from mmreg.schemas.cells import child, values
from mmreg.schemas.run import Run
from mmreg.sources.protocol import Source

if TYPE_CHECKING:
    import lance

    from mmreg.registry.lake import Lake

Hashes = NDArray[np.uint64]
REJECTED = -1
ERASED: Literal["erased"] = "erased"
"""The reason of a rejected record that is, or is like, an erased sample."""


@dataclass(frozen=True)
class Known:
    """What the newest version and the last ingest say of a source: ascending address hashes with their stamps.

    ``row_ids`` is `REJECTED` where the record did not become a row.
    """

    addresses: Hashes
    stamps: Hashes
    row_ids: NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """What a listing says against what is `Known`; addresses as ascending 64-bit hashes.

    ``changed_rows`` says for each of ``changed`` which row it was (`REJECTED`: none). ``forgotten`` counts rejected
    records that are no longer in the source. ``listing`` is a digest of all addresses and stamps.
    """

    listed: Hashes
    added: Hashes
    changed: Hashes
    changed_rows: NDArray[np.int64]
    removed_rows: Hashes
    forgotten: int
    listing: str

    @property
    def pending(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed_rows) + self.forgotten

    @property
    def wanted(self) -> Hashes:
        """What has to be read."""
        return np.sort(np.concatenate([self.added, self.changed]))

    def old_rows(self, addresses: Hashes) -> NDArray[np.int64]:
        """For each address the row that it was before it changed; `REJECTED` where it was none."""
        if not len(self.changed):
            return np.full(len(addresses), REJECTED, np.int64)
        place = np.minimum(np.searchsorted(self.changed, addresses), len(self.changed) - 1)
        return np.where(self.changed[place] == addresses, self.changed_rows[place], REJECTED)


@dataclass(frozen=True)
class Listing:
    """Everything that a source lists: ascending address hashes with their stamps."""

    addresses: Hashes
    stamps: Hashes

    @classmethod
    def of(cls, source: Source) -> Listing:
        """Reads no media byte; about 50 bytes of memory a record."""
        hashes: list[Hashes] = [np.empty(0, np.uint64)]
        stamps: list[Hashes] = [np.empty(0, np.uint64)]
        for batch in source.listing():
            hashes.append(address_hashes(batch.column("address")))
            stamps.append(batch.column("stamp").to_numpy(zero_copy_only=False).astype(np.uint64))
        every = np.concatenate(hashes)
        order = np.argsort(every, kind="stable")
        return cls(every[order], np.concatenate(stamps)[order])

    @property
    def digest(self) -> str:
        return xxhash.xxh3_128_hexdigest(self.addresses.tobytes() + self.stamps.tobytes())


def compare(listing: Listing, known: Known) -> Changes:
    """What ``listing`` says against what is ``known``."""
    addresses, stamps = listing.addresses, listing.stamps
    if len(known.addresses):
        place = np.minimum(np.searchsorted(known.addresses, addresses), len(known.addresses) - 1)
        here = known.addresses[place] == addresses
        moved = here & (known.stamps[place] != stamps)
        changed_rows = known.row_ids[place[moved]]
    else:
        here = moved = np.zeros(len(addresses), bool)
        changed_rows = np.empty(0, np.int64)
    gone = ~np.isin(known.addresses, addresses)
    return Changes(
        listed=addresses,
        added=addresses[~here],
        changed=addresses[moved],
        changed_rows=changed_rows,
        removed_rows=known.row_ids[gone & (known.row_ids != REJECTED)].astype(np.uint64),
        forgotten=int((gone & (known.row_ids == REJECTED)).sum()),
        listing=listing.digest,
    )


def nothing_moved(listing: Listing) -> Changes:
    """The changes where ``listing`` is what was ingested last."""
    none, no_rows = np.empty(0, np.uint64), np.empty(0, np.int64)
    return Changes(listing.addresses, none, none, no_rows, none, 0, listing.digest)


def known_records(
    lake: Lake, table: lance.LanceDataset | None, last: Run | None, spec_digest: str, touched: Mapping[str, int]
) -> Known:
    """What is known of a source by the newest version (``table``), the last ingest and the stamps ``touched`` here.

    Where the declaration changed since (``spec_digest``), every stamp is forgotten so that all is read again.
    """
    rejected = list(rejected_records(lake, last))
    hashes = [np.array([record_hash(record) for record in rejected], np.uint64)]
    stamps = [np.array([record["stamp"] for record in rejected], np.uint64)]
    row_ids = [np.full(len(rejected), REJECTED, np.int64)]
    if table is not None:
        for batch in table.scanner(columns=["_source"], with_row_id=True, batch_size=65_536).to_batches():
            source = batch.column("_source")
            hashes.append(address_hashes(child(source, "uri")))
            stamps.append(_stamps(source, touched))
            row_ids.append(batch.column("_rowid").to_numpy().astype(np.int64))
    every = np.concatenate(hashes)
    seen = np.concatenate(stamps)
    if last is not None and last.facets["ingest"]["spec"] != spec_digest:
        seen ^= np.uint64(1)
    order = np.argsort(every)
    return Known(every[order], seen[order], np.concatenate(row_ids)[order])


def rejected_records(lake: Lake, ingest: Run | None) -> Iterator[dict[str, Any]]:
    """The rejected records as of an ingest, each with source, reason, detail and stamp."""
    if ingest is not None and (digest := ingest.facets["ingest"].get("rejected_object")):
        yield from get_records(lake.store, digest)


def record_hash(record: Mapping[str, Any]) -> int:
    """The hash of a rejected record's address, which is all that is kept of the address of an erased sample."""
    return int(record["source"], 16) if record.get("reason") == ERASED else address_hash(record["source"])


def address_hash(address: str) -> int:
    """64 bits of an address; a collision within one source is a 1 in 4,000 event at 10^8 records."""
    return xxhash.xxh3_64_intdigest(address.encode())


def address_hashes(addresses: pa.Array[Any]) -> Hashes:
    return np.array([address_hash(address) for address in values(addresses)], np.uint64)


def _stamps(source: pa.Array[Any], touched: Mapping[str, int]) -> Hashes:
    stamps = child(source, "stamp").to_numpy(zero_copy_only=False).astype(np.uint64)
    if touched:
        for place, uri in enumerate(values(child(source, "uri"))):
            stamps[place] = touched.get(uri, stamps[place])
    return stamps
