"""What source files look like on this machine where their bytes are the lake's: whoever shares the index, not these."""

from __future__ import annotations

from collections.abc import Iterable

from mmreg.registry.catalog.database import Database


class Stamps:
    """Kept in ``own``, a database of this machine's; they are worth something as long as ``index`` is not emptied."""

    def __init__(self, own: Database, index: Database) -> None:
        self._own, self._index = own, index

    def touch(self, dataset: str, stamps: Iterable[tuple[str, int]]) -> None:
        self._forget_other_epochs()
        rows = [(dataset, address, stamp - (stamp >> 63 << 64)) for address, stamp in stamps]
        with self._own.write() as connection:
            connection.executemany(
                "INSERT INTO stamp (dataset, address, stamp) VALUES (?, ?, ?)"
                " ON CONFLICT (dataset, address) DO UPDATE SET stamp = excluded.stamp",
                rows,
            )

    def untouch(self, dataset: str, addresses: Iterable[str]) -> None:
        with self._own.write() as connection:
            connection.executemany(
                "DELETE FROM stamp WHERE dataset = ? AND address = ?", [(dataset, address) for address in addresses]
            )

    def touched(self, dataset: str) -> dict[str, int]:
        self._forget_other_epochs()
        found = self._own.rows("SELECT address, stamp FROM stamp WHERE dataset = ?", (dataset,))
        return {address: stamp % 2**64 for address, stamp in found}

    def close(self) -> None:
        self._own.close()

    def _forget_other_epochs(self) -> None:
        if self._own is self._index:  # then they were emptied together
            return
        epoch = self._index.epoch()
        known = self._own.row("SELECT value FROM setting WHERE name = 'stamps_of'")
        if known == (epoch,):
            return
        with self._own.write() as connection:
            connection.execute("DELETE FROM stamp")
            connection.execute(
                "INSERT INTO setting (name, value) VALUES ('stamps_of', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (epoch,),
            )
