"""Leases: who is at work on what, so that two processes do not pay for the same thing.

A lease is an object in the lake, put if absent, with an expiry that its holder pushes on. It saves work; commits it
does not guard: of two racing publishers only one can win. It does keep clean-up away: from versions that a holder may
have begun to read since it took its lease, and from those that it says it reads.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mmreg.errors import LeaseHeld, StorageError
from mmreg.registry.store import Store

TTL_S = 60.0
POLL_S = 0.1
_FOLDER = "_mmreg/leases/"


@dataclass(frozen=True)
class Holder:
    """Whoever holds a lease, ``since`` when (seconds since 1970, by its own clock; 0: it did not say).

    ``reads`` are the versions that it says it reads, as (dataset, Lance version).
    """

    host: str
    pid: int
    nonce: str
    expires_at: float
    since: float = 0.0
    reads: tuple[tuple[str, int], ...] = ()

    @property
    def gone(self) -> bool:
        """Expired, or a process of this host that is no more."""
        if self.expires_at < time.time():
            return True
        return self.host == _host() and not _alive(self.pid)


@contextmanager
def lease(store: Store, name: str, *, wait_s: float = 0.0, reads: Sequence[tuple[str, int]] = ()) -> Iterator[None]:
    """Hold ``name`` while the block runs; wait up to ``wait_s`` seconds for another holder to finish.

    Raises `LeaseHeld` where it is still held then.
    """
    key, nonce = _key(name), uuid.uuid4().hex
    deadline = time.monotonic() + wait_s
    while not store.put_new(key, _told(mine := _mine(nonce, tuple(reads)))):
        other = holder(store, name)
        if other is None or (other.gone and _bury(store, name, other)):
            continue
        if time.monotonic() >= deadline:
            raise _held(name, other)
        time.sleep(POLL_S)
    finished = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, name, mine, finished), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        finished.set()
        keeper.join()
        if _is_held_by(store, name, nonce):
            store.delete(key)


def wait_for(store: Store, name: str, *, wait_s: float) -> None:
    """Wait until nobody holds ``name``, without taking it. Raises `LeaseHeld` after ``wait_s`` seconds."""
    deadline = time.monotonic() + wait_s
    while (other := holder(store, name)) is not None and not other.gone:
        if time.monotonic() >= deadline:
            raise _held(name, other)
        time.sleep(POLL_S)


def holder(store: Store, name: str) -> Holder | None:
    """Who holds ``name``, if anybody does."""
    data = store.get(_key(name))
    if not data:
        return None
    said = json.loads(data)
    reads = tuple((str(dataset), int(version)) for dataset, version in said.pop("reads", ()))
    return Holder(**said, reads=reads)


def live(store: Store) -> dict[str, Holder]:
    """The leases whose holders are at work, by name."""
    names = [key.removeprefix(_FOLDER).removesuffix(".json") for key in store.list(_FOLDER)]
    held = {name: who for name in names if (who := holder(store, name)) is not None and not who.gone}
    return {name: who for name, who in held.items() if "~" not in name}  # those only bury others


def release_abandoned(store: Store) -> list[str]:
    """Release the leases whose holders are gone, and return their names."""
    names = [key.removeprefix(_FOLDER).removesuffix(".json") for key in store.list(_FOLDER)]
    return [n for n in names if (who := holder(store, n)) is not None and who.gone and _bury(store, n, who)]


def _held(name: str, other: Holder) -> LeaseHeld:
    return LeaseHeld(
        f"{name}: process {other.pid} on {other.host} is at work on this",
        holder=f"{other.host}:{other.pid}",
        seconds_left=max(0.0, other.expires_at - time.time()),
        hint="wait for it, then repeat the command",
    )


def _bury(store: Store, name: str, gone: Holder) -> bool:
    """Remove the lease of a holder that is gone; False while another process is about to.

    One at a time: else the slower of two would remove what the faster has meanwhile put there for itself.
    """
    try:
        with lease(store, f"{name}~{gone.nonce}"):
            if _is_held_by(store, name, gone.nonce):
                store.delete(_key(name))
    except LeaseHeld:
        return False
    return True


def _keep(store: Store, name: str, mine: Holder, finished: threading.Event) -> None:
    while not finished.wait(TTL_S / 4):
        try:
            if not _is_held_by(store, name, mine.nonce):
                return
            store.put(_key(name), _told(replace(mine, expires_at=time.time() + TTL_S)))
        except StorageError:
            continue  # there are more turns before it expires: a store may fail for a while


def _is_held_by(store: Store, name: str, nonce: str) -> bool:
    current = holder(store, name)
    return current is not None and current.nonce == nonce


def _key(name: str) -> str:
    return f"{_FOLDER}{name}.json"


def _mine(nonce: str, reads: tuple[tuple[str, int], ...]) -> Holder:
    moment = time.time()
    return Holder(_host(), os.getpid(), nonce, moment + TTL_S, moment, reads)


def _told(holder: Holder) -> bytes:
    return json.dumps(holder.__dict__).encode()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    """This machine's name."""
    return os.uname().nodename
