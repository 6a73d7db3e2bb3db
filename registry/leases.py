"""Leases: who is at work on what, so that two processes do not pay for the same thing.

A lease is an object in the lake, put if absent, with an expiry that its holder pushes on. It saves work; it does
not guard data: that is done by the commit itself, which only one of two racing publishers can win.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mmreg.errors import LeaseHeld
from mmreg.registry.store import Store

TTL_S = 60.0
POLL_S = 0.1
_FOLDER = "_mmreg/leases/"


@dataclass(frozen=True)
class Holder:
    host: str
    pid: int
    nonce: str
    expires_at: float

    @property
    def gone(self) -> bool:
        """Expired, or a process of this host that is no more."""
        if self.expires_at < time.time():
            return True
        return self.host == socket.gethostname() and not _alive(self.pid)


@contextmanager
def lease(store: Store, name: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold ``name`` while the block runs; wait up to ``wait_s`` seconds for another holder to finish.

    Raises `LeaseHeld` where it is still held then.
    """
    key, nonce = _key(name), uuid.uuid4().hex
    deadline = time.monotonic() + wait_s
    while not store.put_new(key, _mine(nonce)):
        other = holder(store, name)
        if other is None or (other.gone and _bury(store, name, other)):
            continue
        if time.monotonic() >= deadline:
            raise _held(name, other)
        time.sleep(POLL_S)
    finished = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, name, nonce, finished), daemon=True)
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
    return Holder(**json.loads(data)) if data else None


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


def _keep(store: Store, name: str, nonce: str, finished: threading.Event) -> None:
    while not finished.wait(TTL_S / 4) and _is_held_by(store, name, nonce):
        store.put(_key(name), _mine(nonce))


def _is_held_by(store: Store, name: str, nonce: str) -> bool:
    current = holder(store, name)
    return current is not None and current.nonce == nonce


def _key(name: str) -> str:
    return f"{_FOLDER}{name}.json"


def _mine(nonce: str) -> bytes:
    mine = Holder(socket.gethostname(), os.getpid(), nonce, time.time() + TTL_S)
    return json.dumps(mine.__dict__).encode()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
