"""What the corpus of hostile inputs needs: sources, commands, memory, a server that listens."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import textwrap
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from mmreg.cli.main import main
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources import open_source

IMAGE = {"image": {"type": "image"}}


@dataclass(frozen=True)
class Read:
    """All that a source came to: rows and reasons by address."""

    rows: dict[str, dict[str, Any]]
    reasons: dict[str, str]
    details: dict[str, str]

    @property
    def reason(self) -> str:
        """Of a source with one record: why it is no row, '' where it is one."""
        assert len(self.rows) + len(self.reasons) == 1
        return next(iter(self.reasons.values()), "")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Read]:
    """``read({"type": "jsonl", "path": "x.jsonl"}, {"text": {"type": "text"}})``: each record a row or a reason."""

    def read(source: dict[str, Any], columns: dict[str, Any] | None = None) -> Read:
        spec = DatasetSpec.model_validate({"source": source, "columns": columns or IMAGE})
        opened = open_source("pairs", spec, tmp_path)
        listed = [address for batch in opened.listing() for address in batch.column("address").to_pylist()]
        rows: dict[str, dict[str, Any]] = {}
        reasons, details = {}, {}
        for part in opened.read(None):
            part.rows.validate(full=True)
            rows |= {row["_source"]["uri"]: row for row in part.rows.to_pylist()}
            reasons |= {refused.source: refused.reason for refused in part.rejected}
            details |= {refused.source: refused.detail for refused in part.rejected}
        assert rows.keys() | reasons.keys() == set(listed), "nothing is dropped in silence"
        assert len(rows) + len(reasons) == len(listed) == len(set(listed))
        return Read(rows, reasons, details)

    return read


@dataclass(frozen=True)
class Place:
    """A project folder, and ``mmreg`` called in it. No call may end as a bug does."""

    folder: Path

    def declare(self, text: str | bytes) -> None:
        data = textwrap.dedent(text).encode() if isinstance(text, str) else text
        (self.folder / "mmreg.yaml").write_bytes(data)

    def call(self, *args: str, status: int | None = 0) -> Result:
        result = CliRunner().invoke(main, ["-C", str(self.folder), *args])
        assert result.exit_code != 70 and "this is a bug" not in result.stderr, result.stderr
        assert status is None or result.exit_code == status, result.stdout + result.stderr
        return result

    def json(self, *args: str, status: int = 0) -> Any:
        return json.loads(self.call(*args, "--json", status=status).stdout)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty folder for a project."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "project"
    folder.mkdir()
    return Place(folder)


@pytest.fixture
def png() -> Callable[..., bytes]:
    """``png(13_000, 13_000)``: a black PNG of so many pixels in few bytes, with ``chunks`` before them."""
    return make_png


def make_png(width: int, height: int, chunks: bytes = b"", mode: int = 0, whole: bool = True) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    pixels = zlib.compressobj(9)
    data = b"".join(pixels.compress(bytes(width + 1)) for _ in range(height if whole else 1)) + pixels.flush()
    end = png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks + end


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def peak() -> Callable[..., tuple[str, int]]:
    """``peak(code, *arguments)``: what ``code`` printed in a process of its own, and by how much MiB it grew."""

    def peak(code: str, *arguments: str | Path, timeout_s: float = 120) -> tuple[str, int]:
        script = "import resource, sys\n" + textwrap.dedent(code)
        script = script.replace("BEGIN", "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss", 1)
        script += "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        ended = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        )
        assert ended.returncode == 0, ended.stderr
        *said, grown = ended.stdout.splitlines()
        return "\n".join(said), int(grown) // 1024

    return peak


@dataclass
class Listener:
    """A server on this machine that writes down who asks for what, and answers as it is told."""

    address: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as (one,):
        yield one


@pytest.fixture
def two_listeners() -> Iterator[tuple[Listener, Listener]]:
    with listening(2) as (one, other):
        yield one, other


class listening:
    """Some `Listener` for the time of a block."""

    def __init__(self, count: int = 1) -> None:
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), Answering) for _ in range(count)]

    def __enter__(self) -> list[Listener]:
        listeners = []
        for server in self._servers:
            server.daemon_threads = True
            server.listener = Listener(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
            listeners.append(server.listener)  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return listeners

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        listener: Listener = self.server.listener  # type: ignore[attr-defined]
        listener.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(listener.status)
        for name, value in {"Content-Length": str(len(listener.body)), **listener.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has read enough
            self.wfile.write(listener.body)

    do_POST = do_PUT = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def chunk() -> Callable[[bytes, bytes], bytes]:
    """One chunk of a PNG."""
    return png_chunk


@pytest.fixture
def poison() -> pa.Array[Any]:
    """A text that is not UTF-8, as Arrow lets anybody make one."""
    ends = pa.py_buffer(struct.pack("<ii", 0, 2))
    return pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(b"\xff\xfe")])
