"""A child process whose file-system calls are counted, in order over all of its threads, and that dies at the k-th.

The child asks the kernel (seccomp's user notification) to let its parent decide on every rename, link and unlink: the
parent lets it go on, or kills the child before the call is carried out. No call escapes, whoever makes it: Python, Rust
without libc, SQLite. Linux on x86-64 and arm64, without privileges.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

NUMBERS = {
    "x86_64": (
        0xC000003E,
        {
            82: "rename", 264: "renameat", 316: "renameat2", 86: "link", 265: "linkat", 87: "unlink", 263: "unlinkat",
            84: "rmdir", 18: "pwrite64",
        },
        317,
    ),
    "aarch64": (
        0xC00000B7,
        {38: "renameat", 276: "renameat2", 37: "linkat", 35: "unlinkat", 68: "pwrite64"},
        277,
    ),
}  # fmt: skip
"""By machine: how the kernel calls it, its calls, and the number of seccomp(2)."""
FAMILIES = {
    "rename": "rename", "renameat": "rename", "renameat2": "rename", "link": "link", "linkat": "link",
    "unlink": "unlink", "unlinkat": "unlink", "rmdir": "unlink", "pwrite64": "index",
}  # fmt: skip
"""Which kind of call each is; ``index`` only where it writes to SQLite's write-ahead log."""
INDEX_LOG = "catalog.db-wal"

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NEW_LISTENER = 1 << 3


@dataclass(frozen=True)
class Call:
    family: str
    path: str
    """What is renamed, linked or unlinked in the end: the new name of a rename or link."""


@dataclass(frozen=True)
class Outcome:
    calls: tuple[Call, ...]
    """All until the end, also the one that was not carried out."""
    killed: bool
    error: str | None
    """The traceback of a child that failed."""


def watched(run: Callable[[], None], folder: Path, at: int | None = None) -> Outcome:
    """``run`` in a fork of this process, killed as it enters its call ``at`` (from 1) on something below ``folder``."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        ours.close()
        os.close(reading)
        _child(run, theirs, writing)
    theirs.close()
    os.close(writing)
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    calls = _supervise(descriptors[0], pid, str(folder), at)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading) as said:
        error = said.read() or None
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and error is None and status:
        error = f"ended with status {status}"
    return Outcome(tuple(calls), killed, error)


def _child(run: Callable[[], None], parent: socket.socket, errors: int) -> None:
    status = 0
    try:
        listener = _listener()
        socket.send_fds(parent, [b"x"], [listener])
        os.close(listener)
        parent.close()
        run()
    except BaseException:
        os.write(errors, traceback.format_exc().encode())
        status = 1
    finally:
        os._exit(status)


def _listener() -> int:
    """From now on every call of `NUMBERS` of this process asks the file descriptor that is returned."""
    architecture, calls, seccomp = NUMBERS[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, 0x7FFF0000), (load, 0, 0, 0)]
    for left, number in reversed(list(enumerate(calls))):
        program.append((equal, left + 1, 0, number))
    program += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x7FC00000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "no_new_privs")
    listener: int = libc.syscall(seccomp, 1, _NEW_LISTENER, filter_)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "this kernel or container lets nobody watch system calls (seccomp)")
    return listener


def _supervise(listener: int, pid: int, folder: str, at: int | None) -> list[Call]:
    names = NUMBERS[platform.machine()][1]
    calls: list[Call] = []
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not any(event & select.POLLHUP for _, event in poll.poll()):
        asked = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, asked)
        except OSError:  # the thread that asked is gone
            continue
        identifier, thread = struct.unpack_from("QI", asked)
        number = struct.unpack_from("i", asked, 16)[0]
        arguments = struct.unpack_from("6Q", asked, 32)
        call = _call(thread, names[number], arguments)
        if call is not None and (call.path == folder or call.path.startswith(f"{folder}/")):
            calls.append(call)
            if len(calls) == at:
                os.kill(pid, signal.SIGKILL)
                break
        try:
            fcntl.ioctl(listener, _SEND, struct.pack("QqiI", identifier, 0, 0, _CONTINUE))
        except OSError:
            continue
    os.close(listener)
    return calls


def _call(thread: int, name: str, arguments: Sequence[int]) -> Call | None:
    """What is asked for; None for writes to other files than the index."""
    at, path = {
        "rename": (None, 1), "renameat": (2, 3), "renameat2": (2, 3), "link": (None, 1), "linkat": (2, 3),
        "unlink": (None, 0), "unlinkat": (0, 1), "rmdir": (None, 0), "pwrite64": (0, None),
    }[name]  # fmt: skip
    if path is None:
        written = os.readlink(f"/proc/{thread}/fd/{arguments[0]}")
        return Call("index", written) if written.endswith(INDEX_LOG) else None
    said = _text(thread, arguments[path])
    if not said.startswith("/"):
        base = ctypes.c_int(arguments[at] & 0xFFFFFFFF).value if at is not None else -100
        said = os.path.join(os.readlink(f"/proc/{thread}/{'cwd' if base == -100 else f'fd/{base}'}"), said)
    return Call(FAMILIES[name], os.path.normpath(said))


def _text(thread: int, address: int) -> str:
    with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        # No further than the page's end: what lies behind may not be readable.
        said = memory.read(4096 - address % 4096)
        if b"\0" not in said:
            said += memory.read(4096)
    return os.fsdecode(said.partition(b"\0")[0])
