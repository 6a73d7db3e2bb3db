"""Stores that promise less than they say are found out before two writers lose each other's versions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest

from mmreg.errors import ReadOnly, StoreUnsafe
from mmreg.registry.doctor import store as look_at
from mmreg.registry.lake import Lake

BUCKET = "http-lake"


class Bucket(ThreadingHTTPServer):
    """A bucket in memory whose conditional puts are `conditions`: kept; ignored; kept but in a race; answered with
    success whether or not they were. Its clock is off by `off`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.conditions = "kept"
        self.off = timedelta()
        self.locked = False
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.lock = threading.Lock()
        self.racing = threading.Barrier(2)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off

    def put(self, key: str, data: bytes, conditional: bool) -> int:
        if conditional and self.conditions == "kept":
            with self.lock:
                return self._put_new(key, data)
        if conditional and self.conditions == "kept but in a race" and key not in self.objects:
            # It has looked; before it writes, another has looked as well, if there is another.
            try:
                self.racing.wait(0.1)
            except threading.BrokenBarrierError:
                self.racing.reset()
        elif conditional and self.conditions != "ignored" and key in self.objects:
            return 412 if self.conditions == "kept but in a race" else 200
        self.objects[key] = (data, self.now())
        return 200

    def _put_new(self, key: str, data: bytes) -> int:
        if key in self.objects:
            return 412
        self.objects[key] = (data, self.now())
        return 200


class Requests(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.locked:
            return self._answer(403, b"<Error><Code>AccessDenied</Code><Message>read only</Message></Error>")
        status = self.server.put(self._key(), data, self.headers.get("If-None-Match") == "*")
        failed = b"<Error><Code>PreconditionFailed</Code><Message>there</Message></Error>"
        self._answer(status, b"" if status == 200 else failed, ETag='"0"')

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            return self._list(asked.get("prefix", [""])[0])
        found = self.server.objects.get(self._key())
        if found is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
        self._answer(200, found[0], ETag='"0"', Last_Modified=f"{found[1]:%a, %d %b %Y %H:%M:%S} GMT")

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def _list(self, prefix: str) -> None:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f'<ETag>"0"</ETag><Size>{len(data)}</Size></Contents>'
            for key, (data, at) in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        answer = f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        self._answer(200, answer.encode())

    def do_POST(self) -> None:  # the deletion of several at once
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.partition("</Key>")[0] for part in body.split("<Key>")[1:]]
        for key in keys:
            self.server.objects.pop(key, None)
        gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def _key(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{BUCKET}/")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def options(bucket: Bucket) -> dict[str, str]:
    return {
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "aws_region": "us-east-1",
        "aws_endpoint": f"http://127.0.0.1:{bucket.server_port}",
        "allow_http": "true",
    }


URI = f"s3://{BUCKET}/lake"


@pytest.mark.parametrize(
    ("conditions", "seen"),
    [
        ("ignored", "a second put of the same key replaced the first"),
        ("told kept", "a second put of the same key replaced the first"),
        ("kept but in a race", "of 8 simultaneous puts of one key were told that they were first"),
    ],
)
def test_a_store_that_loses_conditional_puts_is_no_place_for_several_writers(
    bucket: Bucket, options: dict[str, str], conditions: str, seen: str
) -> None:
    bucket.conditions = conditions
    with pytest.raises(StoreUnsafe, match=seen):
        Lake.create(URI, options)
    assert "lake/mmreg.json" not in bucket.objects
    lake = Lake.create(URI, options, single_writer=True)
    assert lake.writers == "one"
    (finding,) = look_at.look(lake, upgrade=False)
    assert (finding.code, finding.note) == ("store_unsafe", True)


def test_a_store_that_keeps_them_is(bucket: Bucket, options: dict[str, str]) -> None:
    lake = Lake.create(URI, options)
    assert lake.writers == "many"
    assert list(look_at.look(lake, upgrade=False)) == []
    assert set(bucket.objects) == {"lake/mmreg.json"}


def test_a_store_that_has_become_unsafe_is_reported_and_the_lake_says_so(
    bucket: Bucket, options: dict[str, str]
) -> None:
    lake = Lake.create(URI, options)
    bucket.conditions = "kept but in a race"
    (finding,) = look_at.look(lake, upgrade=False)
    assert (finding.code, finding.fixed, finding.note) == ("store_unsafe", False, False)
    assert finding.hint is not None and "one process" in finding.hint
    marker = json.loads(bucket.objects["lake/mmreg.json"][0])
    assert marker["store"]["conditional_put"] is False
    assert "simultaneous" in marker["store"]["reason"]


@pytest.mark.parametrize(("off_s", "seen"), [(-3600, "3,600 s ahead of"), (90, "90 s behind")])
def test_clocks_that_are_apart_are_told(bucket: Bucket, options: dict[str, str], off_s: int, seen: str) -> None:
    lake = Lake.create(URI, options)
    bucket.off = timedelta(seconds=off_s)
    (finding,) = look_at.look(lake, upgrade=False)
    assert finding.code == "clock_off"
    assert abs(float(finding.message.split(" is ")[1].split(" s ")[0].replace(",", "")) - abs(off_s)) < 30
    assert seen.split(" s ")[1] in finding.message


def test_a_clock_that_is_a_little_off_is_none(bucket: Bucket, options: dict[str, str]) -> None:
    lake = Lake.create(URI, options)
    bucket.off = timedelta(seconds=20)
    assert list(look_at.look(lake, upgrade=False)) == []


def test_keys_that_may_only_read_make_the_lake_one_that_can_only_be_read(
    bucket: Bucket, options: dict[str, str]
) -> None:
    lake = Lake.create(URI, options)
    bucket.locked = True
    with pytest.raises(ReadOnly, match="AccessDenied") as caught:
        lake.store.put("_mmreg/x", b"")
    assert caught.value.exit_status == 6
    (finding,) = look_at.look(lake, upgrade=False)
    assert (finding.code, finding.note) == ("lake_read_only", True)
