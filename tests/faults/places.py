"""Where a verb is killed, or has no space: on a disk, on a disk that is full, below a limit, on S3."""

from __future__ import annotations

import atexit
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import honest_s3
from faulty_s3 import Fault, Remote
from forks import forked, refused, run
from scenes import StepsFailed
from syscalls import watched

if TYPE_CHECKING:
    from conftest import SmallProject

INDEX_STEP = 25


class Folder:
    """Lakes in the project's folder."""

    name, counts = "folder", True
    """``counts``: passes note their calls."""

    disk: Path | None = None

    def declared(self) -> Any:
        return "./lake"

    def copy(self, made: SmallProject, folder: Path) -> SmallProject:
        return made.copy(folder)

    def forget(self, made: SmallProject) -> None:
        shutil.rmtree(made.folder)

    def calls(self, made: SmallProject, do: Callable[[], None]) -> dict[str, list[Any]]:
        """Where ``do`` can be killed, by family."""
        told = watched(do, made.folder)
        assert told.error is None, told.error
        points = defaultdict[str, list[Any]](list)
        for number, call in enumerate(told.calls, 1):
            points[call.family].append(number)
        return {**points, "index": points["index"][::INDEX_STEP]}

    def kill(self, made: SmallProject, do: Callable[[], None], point: Any) -> tuple[str, str] | None:
        """The family and the path of the call at which ``do`` was killed; None where it ended first."""
        told = watched(do, made.folder, point)
        assert told.error is None, told.error
        if not told.killed:
            return None
        last = told.calls[-1]
        return last.family, os.path.relpath(last.path, made.folder)


class FullDisk(Folder):
    """Lakes, and indexes, on a disk that has little space left when the verb begins."""

    name, counts = "full", False
    left = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
    """Free pages."""

    def __init__(self) -> None:
        self.disk = Path(tempfile.mkdtemp(prefix="full-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.disk], check=True)
        atexit.register(self._unmount, os.getpid())

    def calls(self, made: SmallProject, do: Callable[[], None]) -> dict[str, list[Any]]:
        forked(do)
        return {"no space": list(self.left)}

    def kill(self, made: SmallProject, do: Callable[[], None], point: Any) -> tuple[str, str] | None:
        filler = self.disk / "filler"
        with filler.open("wb") as file:
            free = os.statvfs(self.disk)
            os.posix_fallocate(file.fileno(), 0, (free.f_bavail - point) * free.f_frsize)
        try:
            return self._told(made, do, f"{point} pages left")
        finally:
            filler.unlink()

    def _told(self, made: SmallProject, do: Callable[[], None], where: str) -> tuple[str, str] | None:
        said = forked(partial(refused, do))
        if said is None:
            return None
        if not isinstance(said, StepsFailed):
            assert (said.code, said.exit_status) == ("storage", 6) and said.hint, said
        left = [str(file) for file in (made.folder / "lake").rglob("*tmp*") if not file.is_dir()]
        assert not left, f"left on the disk: {left}"
        return "no space", where

    def _unmount(self, pid: int) -> None:
        if os.getpid() == pid:
            subprocess.run(["umount", self.disk], check=True)
            self.disk.rmdir()


class Limited(FullDisk):
    """Lakes, and indexes, where no file may grow beyond a limit when the verb begins."""

    name = "limit"
    left = (0, 300, 1000, 2000, 4000, 8000, 16000, 40000, 100000)
    """Bytes."""

    def __init__(self) -> None:
        self.disk = Path(tempfile.mkdtemp(prefix="limit-"))
        atexit.register(self._remove, os.getpid())

    def kill(self, made: SmallProject, do: Callable[[], None], point: Any) -> tuple[str, str] | None:
        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (point, resource.RLIM_INFINITY))
            do()

        return self._told(made, limited, f"no file above {point} bytes")

    def _remove(self, pid: int) -> None:
        if os.getpid() == pid:
            shutil.rmtree(self.disk)


class S3:
    """Lakes in buckets of a server in a process of its own."""

    name, counts = "s3", True
    disk: Path | None = None

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("faulty_s3.py"))]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        honest, self._address = self._server.stdout.readline().split()
        self._control = Remote(self._address)
        self._client = honest_s3.client(honest)
        self._numbers = itertools.count()
        os.environ.update(honest_s3.KEYS)

    def declared(self) -> Any:
        options = {**honest_s3.OPTIONS, "aws_endpoint": self._address}
        return {"uri": f"s3://{self._bucket()}/lake", "options": options}

    def copy(self, made: SmallProject, folder: Path) -> SmallProject:
        copied, bucket, old = made.copy(folder), self._bucket(), self._bucket_of(made)
        file = copied.folder / "mmreg.yaml"
        file.write_text(file.read_text().replace(f"s3://{old}/", f"s3://{bucket}/"))
        for key in self._keys(old):
            self._client.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": old, "Key": key})
        return copied

    def forget(self, made: SmallProject) -> None:
        bucket = self._bucket_of(made)
        keys = [{"Key": key} for key in self._keys(bucket)]
        for start in range(0, len(keys), 1000):
            self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + 1000]})
        self._client.delete_bucket(Bucket=bucket)
        shutil.rmtree(made.folder)

    def calls(self, made: SmallProject, do: Callable[[], None]) -> dict[str, list[Any]]:
        self._control.fail()
        forked(do)
        methods = [seen.method for seen in self._control.seen if re.fullmatch("PUT|POST|DELETE", seen.method)]
        points = defaultdict[str, list[Any]](list)
        for (number, method), kind in itertools.product(enumerate(methods), ("kill before", "kill after")):
            points[f"{method} {kind}"].append((number, kind))
        return points

    def kill(self, made: SmallProject, do: Callable[[], None], point: Any) -> tuple[str, str] | None:
        number, kind = point
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.read(reading, 1)
            run(do)
        self._control.fail(Fault(kind, "PUT|POST|DELETE", after=number, pid=pid))
        os.write(writing, b"x")
        os.close(reading)
        os.close(writing)
        _, status = os.waitpid(pid, 0)
        killed = [seen for seen in self._control.seen if seen.fault == kind]
        self._control.fail()
        if not os.WIFSIGNALED(status):
            assert status == 0, "the verb failed"
            return None
        assert os.WTERMSIG(status) == signal.SIGKILL
        method, path = killed[0].method, killed[0].path
        return f"{method} {kind.removeprefix('kill ')}", path.partition("/lake/")[2] or path

    def _bucket(self) -> str:
        name = f"crash-{os.getpid()}-{next(self._numbers)}"
        self._client.create_bucket(Bucket=name)
        return name

    def _bucket_of(self, made: SmallProject) -> str:
        found = re.search(r"s3://([^/]+)/", (made.folder / "mmreg.yaml").read_text())
        assert found is not None
        return found[1]

    def _keys(self, bucket: str) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            yield from (entry["Key"] for entry in page.get("Contents", ()))


STORES: dict[str, Callable[[], Folder | S3]] = {"folder": Folder, "s3": S3, "full": FullDisk, "limit": Limited}
