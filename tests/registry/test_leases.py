"""One holder at a time, whatever became of the one before."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event

import pytest

from mmreg.errors import LeaseHeld, StorageError
from mmreg.registry import leases
from mmreg.registry.leases import holder, lease, release_abandoned, wait_for
from mmreg.registry.store import Store
from mmreg.registry.store_local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


@pytest.fixture
def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    return ended.pid


def left_behind(store: Store, name: str, *, pid: int, host: str | None = None, expires_in: float = 60) -> None:
    facts = {"host": host or socket.gethostname(), "pid": pid, "nonce": "left", "expires_at": time.time() + expires_in}
    assert store.put_new(f"_mmreg/leases/{name}.json", json.dumps(facts).encode())


def test_it_is_held_for_the_block_and_then_free(store: LocalStore) -> None:
    with lease(store, "a"):
        who = holder(store, "a")
        assert who is not None and who.pid == os.getpid() and not who.gone
        with lease(store, "b"):
            pass
    assert holder(store, "a") is None
    assert list(store.list("")) == []


def test_a_held_lease_says_who_holds_it(store: LocalStore) -> None:
    with (
        lease(store, "a"),
        pytest.raises(LeaseHeld, match=f"a: process {os.getpid()} on ") as caught,
        lease(store, "a"),
    ):
        pass
    assert caught.value.hint == "wait for it, then repeat the command"
    assert holder(store, "a") is None


def test_it_waits_for_the_other_to_finish(store: LocalStore) -> None:
    taken, waiting = Event(), Event()
    order = []

    def first() -> None:
        with lease(store, "a"):
            taken.set()
            waiting.wait()
            order.append("first")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        taken.wait()
        waiting.set()
        with lease(store, "a", wait_s=60):
            order.append("second")
        done.result()
    assert order == ["first", "second"]


def test_one_can_wait_for_it_to_be_free_without_taking_it(store: LocalStore, dead_pid: int) -> None:
    taken, leave = Event(), Event()

    def first() -> None:
        with lease(store, "a"):
            taken.set()
            leave.wait()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        taken.wait()
        with pytest.raises(LeaseHeld, match="a: process"):
            wait_for(store, "a", wait_s=0)
        leave.set()
        wait_for(store, "a", wait_s=60)
        done.result()
    left_behind(store, "a", pid=dead_pid)
    wait_for(store, "a", wait_s=0)


def test_a_dead_process_holds_nothing(store: LocalStore, dead_pid: int) -> None:
    left_behind(store, "a", pid=dead_pid)
    with lease(store, "a"):
        pass
    assert list(store.list("")) == []


def test_an_expired_lease_holds_nothing(store: LocalStore) -> None:
    left_behind(store, "a", pid=1, host="elsewhere", expires_in=-1)
    with lease(store, "a"):
        pass


def test_a_process_of_another_host_is_believed_alive_until_it_expires(store: LocalStore, dead_pid: int) -> None:
    left_behind(store, "a", pid=dead_pid, host="elsewhere")
    with pytest.raises(LeaseHeld, match="on elsewhere"), lease(store, "a"):
        pass


def test_the_time_of_a_lease_starts_when_it_is_had(store: LocalStore) -> None:
    """However long one waited for it."""
    left_behind(store, "a", pid=1, host="elsewhere", expires_in=0.3)
    other = holder(store, "a")
    with lease(store, "a", wait_s=60):
        mine = holder(store, "a")
        assert other is not None and mine is not None
        assert mine.expires_at >= other.expires_at + leases.TTL_S


def test_live_leases_say_since_when_and_what_they_read(store: LocalStore, dead_pid: int) -> None:
    left_behind(store, "gone", pid=dead_pid)
    left_behind(store, "older", pid=1, host="elsewhere")
    left_behind(store, "gone~nonce", pid=1, host="elsewhere")
    before = time.time()
    with lease(store, "read.1", reads=[("pairs", 3), ("train", 1)]):
        found = leases.live(store)
        assert found.keys() == {"older", "read.1"}
        assert found["read.1"].reads == (("pairs", 3), ("train", 1))
        assert before <= found["read.1"].since <= time.time()
        assert (found["older"].since, found["older"].reads) == (0.0, ()), "written before there was this to say"
    assert leases.live(store).keys() == {"older"}


def test_pushing_a_lease_on_changes_nothing_else(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 0.2)
    with lease(store, "a", reads=[("pairs", 3)]):
        first = now = holder(store, "a")
        assert first is not None
        while now is None or now.expires_at == first.expires_at:
            now = holder(store, "a")
        assert now == replace(first, expires_at=now.expires_at)


def test_a_store_that_fails_for_a_while_loses_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 0.4)
    store = LocalStore(str(tmp_path))
    (tmp_path / "there").mkdir()
    (tmp_path / "_mmreg").mkdir()
    folder = tmp_path / "_mmreg" / "leases"
    folder.symlink_to(tmp_path / "there")

    def lead(name: str) -> None:
        other = folder.with_name("other")
        other.symlink_to(tmp_path / name if name == "there" else folder)
        other.replace(folder)

    with lease(store, "a"):
        lead("into itself")
        with pytest.raises(StorageError):
            holder(store, "a")
        threading.Event().wait(0.25)  # two turns
        lead("there")
        before = holder(store, "a")
        assert before is not None
        deadline = time.monotonic() + 60
        while (now := holder(store, "a")) is not None and now.expires_at <= before.expires_at:
            assert time.monotonic() < deadline, "nobody pushes it on any more"
        assert now is not None


def test_one_that_lost_its_lease_leaves_the_next_one_alone(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TTL_S", 0.1)
    with lease(store, "a"):
        store.delete("_mmreg/leases/a.json")
        left_behind(store, "a", pid=1, host="elsewhere")
    who = holder(store, "a")
    assert who is not None and who.host == "elsewhere"


def test_many_that_take_over_from_the_dead_do_it_one_at_a_time(
    store: LocalStore, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "POLL_S", 0.001)
    inside, most = 0, 0

    def work(start: Barrier) -> None:
        nonlocal inside, most
        start.wait()
        with lease(store, "a", wait_s=60):
            inside += 1
            most = max(most, inside)
            for _ in range(20):
                assert holder(store, "a") is not None  # nobody took away what is held
            inside -= 1

    for _ in range(10):
        left_behind(store, "a", pid=dead_pid)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, [Barrier(4)] * 4))
    assert most == 1
    assert list(store.list("")) == []


def test_what_the_dead_left_is_released_and_the_living_keep_theirs(store: LocalStore, dead_pid: int) -> None:
    left_behind(store, "pairs.stats", pid=dead_pid)
    left_behind(store, "pairs", pid=dead_pid)
    with lease(store, "train"):
        assert release_abandoned(store) == ["pairs", "pairs.stats"]
        assert release_abandoned(store) == []
        assert holder(store, "train") is not None


def test_a_killed_process_leaves_a_lease_that_is_released(store: LocalStore) -> None:
    code = (
        "import sys, signal\n"
        "from mmreg.registry.leases import lease\n"
        "from mmreg.registry.store_local import LocalStore\n"
        "with lease(LocalStore(sys.argv[1]), 'a'):\n"
        "    print('had', flush=True)\n"
        "    signal.pause()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, store.uri], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "had\n"
    with pytest.raises(LeaseHeld), lease(store, "a"):
        pass
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert release_abandoned(store) == ["a"]
