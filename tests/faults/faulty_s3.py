"""An S3 that fails as real ones do: a proxy before an honest one, told which requests go wrong and how.

    python tests/faults/faulty_s3.py      prints the addresses of the honest and of the faulty S3; ends with stdin

The Host header is signed by clients and handed on as it came.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

CONTROL = "/-/faults"
BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

Kind = Literal["lost", "lost in a gateway", "busy", "slow", "cut", "short", "deaf", "kill before", "kill after"]


@dataclass
class Fault:
    """What happens to some requests.

    ``lost``: carried out, the connection breaks before the answer. ``lost in a gateway``: carried out, answered by
    500. ``busy``: 503 SlowDown, not carried out. ``slow``: carried out ``delay_s`` later. ``cut``: half of the
    answer's body, then the connection breaks. ``short``: a list has two keys a page. ``deaf``: carried out as if it
    had no If-None-Match. ``kill before`` and ``after``: process ``pid`` gets SIGKILL before or after it is carried
    out; no answer.
    """

    kind: Kind
    method: str = ".*"
    path: str = ""
    """Found anywhere in bucket, key and query."""
    after: int = 0
    """So many fitting requests are well, ``times`` then are not."""
    times: int = 1
    share: float = 1.0
    """Of those, the share that fails, by chance (``seed``)."""
    delay_s: float = 0.0
    pid: int = 0
    seed: int = 0
    met: int = 0
    """Fitting requests so far."""
    done: int = 0
    """Requests that failed by this so far."""
    chance: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def strikes(self, method: str, path: str) -> bool:
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        self.met += 1
        if not self.after < self.met <= self.after + self.times or self.chance.random() >= self.share:
            return False
        self.done += 1
        return True


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    status: int
    fault: str | None = None


class FaultyS3:
    """The proxy, in this process while a ``with`` block runs."""

    def __init__(self, honest: str) -> None:
        self.honest = urllib.parse.urlparse(honest).netloc
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.s3 = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FaultyS3:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, *faults: Fault) -> None:
        """From now on these; without any: all is well. What was seen before is forgotten."""
        with self._lock:
            self.faults, self.seen = list(faults), []

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self._lock:
            struck = [fault for fault in self.faults if fault.strikes(method, path)]
            return struck[0] if struck else None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)


class Remote:
    """The same controls, of a `FaultyS3` in a process of its own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def fail(self, *faults: Fault) -> None:
        told = [{name: value for name, value in asdict(fault).items() if name != "chance"} for fault in faults]
        self._send("PUT", json.dumps(told).encode())

    @property
    def seen(self) -> list[Seen]:
        return [Seen(**one) for one in json.loads(self._send("GET"))]

    def _send(self, method: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.address}{CONTROL}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            said: bytes = answer.read()
        return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    s3: FaultyS3

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that was killed, or gave up
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == CONTROL:
            return self._control(body)
        fault = self.server.s3.fault_of(self.command, urllib.parse.unquote(self.path))
        kind = fault.kind if fault is not None else None
        if fault is not None and kind == "kill before":
            self._note(0, kind)
            return self._kill(fault.pid)
        if kind == "busy":
            self._note(503, kind)
            return self._answer(503, [("Content-Type", "application/xml")], BUSY)
        if fault is not None and kind == "slow":
            time.sleep(fault.delay_s)
        status, headers, answer = self._forwarded(body, kind)
        self._note(status, kind)
        if fault is not None and kind == "kill after":
            return self._kill(fault.pid)
        if kind == "lost":
            return self._hang_up()
        if kind == "lost in a gateway":
            return self._answer(500, [], b"")
        self._answer(status, headers, answer, cut=kind == "cut" and len(answer) > 1)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _forwarded(self, body: bytes, kind: str | None) -> tuple[int, list[tuple[str, str]], bytes]:
        path = f"{self.path}&max-keys=2" if kind == "short" else self.path
        connection = http.client.HTTPConnection(self.server.s3.honest, timeout=60)
        try:
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect") and not (
                    kind == "deaf" and name.lower() == "if-none-match"
                ):
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.wfile.flush()
        if cut:
            self._hang_up()

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _note(self, status: int, fault: str | None) -> None:
        self.server.s3.note(Seen(self.command, urllib.parse.unquote(self.path), status, fault))

    def _control(self, body: bytes) -> None:
        if self.command == "PUT":
            self.server.s3.fail(*(Fault(**fault) for fault in json.loads(body)))
        self._answer(200, [], json.dumps([asdict(seen) for seen in self.server.s3.seen]).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    from honest_s3 import honest_s3

    with honest_s3() as honest, FaultyS3(honest) as faulty:
        print(honest, faulty.address, flush=True)
        sys.stdin.read()
