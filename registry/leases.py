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
    key = f"_mmreg/leases/{name}.json"
    mine = Holder(socket.gethostname(), os.getpid(), uuid.uuid4().hex, time.time() + TTL_S)
    deadline = time.monotonic() + wait_s
    while not store.put_new(key, _dump(mine)):
        other = holder(store, name)
        if other is None or other.gone:
            store.delete(key)
            continue
        if time.monotonic() >= deadline:
            raise LeaseHeld(
                f"{name}: process {other.pid} on {other.host} is at work on this",
                holder=f"{other.host}:{other.pid}",
                seconds_left=max(0.0, other.expires_at - time.time()),
                hint="wait for it, then repeat the command",
            )
        time.sleep(0.1)
    finished = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, key, mine, finished), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        finished.set()
        keeper.join()
        current = holder(store, name)
        if current is not None and current.nonce == mine.nonce:
            store.delete(key)


def holder(store: Store, name: str) -> Holder | None:
    """Who holds ``name``, if anybody does."""
    data = store.get(f"_mmreg/leases/{name}.json")
    return Holder(**json.loads(data)) if data else None


def abandoned(store: Store) -> list[str]:
    """Names of leases whose holders are gone."""
    names = [key.removeprefix("_mmreg/leases/").removesuffix(".json") for key in store.list("_mmreg/leases/")]
    return [name for name in names if (who := holder(store, name)) is not None and who.gone]


def release(store: Store, name: str) -> None:
    store.delete(f"_mmreg/leases/{name}.json")


def _keep(store: Store, key: str, mine: Holder, finished: threading.Event) -> None:
    while not finished.wait(TTL_S / 4):
        store.put(key, _dump(Holder(mine.host, mine.pid, mine.nonce, time.time() + TTL_S)))


def _dump(holder: Holder) -> bytes:
    return json.dumps(holder.__dict__).encode()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
