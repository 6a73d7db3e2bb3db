"""The objects of a lake, on a disk and on S3: what is promised of keys, and how a store is found out."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import MissingExtra, NotFound, StorageError, StoreUnsafe, UsageError
from mmreg.registry.lake import Lake
from mmreg.registry.store import Store, open_store, probe
from mmreg.registry.store_local import LocalStore
from mmreg.registry.store_object import ObjectStore


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return open_store(str(tmp_path / "lake"), {})
    on_s3: Store = request.getfixturevalue("s3_store")
    return on_s3


def test_a_key_is_put_once(store: Store) -> None:
    assert store.put_new("a/b.json", b"first")
    assert not store.put_new("a/b.json", b"second")
    assert store.get("a/b.json") == b"first"


def test_put_replaces(store: Store) -> None:
    store.put("a", b"first")
    store.put("a", b"second")
    assert store.get("a") == b"second"


def test_what_is_absent(store: Store) -> None:
    assert store.get("nobody/here") is None
    assert list(store.list("nobody")) == []
    assert list(store.list("")) == []
    assert list(store.folders()) == []
    store.delete("nobody/here")


def test_keys_are_listed_in_order_at_any_depth(store: Store) -> None:
    keys = ["a-b/c", "a.txt", "a/a", "a/b/c", "a/b~2.json", "ab/c"]
    for key in reversed(keys):
        store.put(key, key.encode())
    assert list(store.list("")) == sorted(keys)


def test_a_prefix_is_a_folder_and_not_the_beginning_of_a_name(store: Store) -> None:
    for key in ["a/x", "a/y/z", "ab/x", "a.x"]:
        store.put(key, b"")
    assert list(store.list("a")) == list(store.list("a/")) == ["a/x", "a/y/z"]
    assert list(store.list("a/y")) == ["a/y/z"]
    assert list(store.folders()) == ["a", "ab"]


def test_files_are_streamed_and_scanned(store: Store) -> None:
    large = os.urandom(3 << 20)
    before = time.time()
    store.put("a/large", large)
    store.put("a/b/small", b"small")
    assert b"".join(store.stream("a/large")) == large
    assert all(len(piece) < len(large) for piece in store.stream("a/large"))
    found = {entry.key: entry for entry in store.scan("a")}
    assert {key: entry.size for key, entry in found.items()} == {"a/large": len(large), "a/b/small": 5}
    assert all(before - 2 <= entry.modified <= time.time() + 2 for entry in found.values())
    with pytest.raises(NotFound, match="nobody"):
        list(store.stream("nobody"))


def test_a_scan_shows_what_killed_writers_left(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), {})
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".tmp-1-0123").write_bytes(b"half")
    assert list(store.list("a")) == []
    assert [entry.key for entry in store.scan("a")] == ["a/.tmp-1-0123"]


def test_a_deleted_key_is_gone_and_can_be_put_again(store: Store) -> None:
    assert store.put_new("a/b/c", b"1")
    store.delete("a/b/c")
    assert store.get("a/b/c") is None
    assert list(store.list("a")) == []
    assert store.put_new("a/b/c", b"2")


@pytest.mark.parametrize("key", ["../out", "a/../../out", "a//b", "", "a/./b"])
def test_a_key_cannot_leave_the_lake(store: Store, key: str) -> None:
    with pytest.raises(UsageError, match="is no key"):
        store.put(key, b"")
    with pytest.raises(UsageError, match="is no key"):
        store.get(key)


def test_one_of_many_threads_puts_a_new_key(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            won = list(pool.map(lambda n, turn=turn: store.put_new(f"k{turn}", b"%d" % n), range(8)))
            assert sum(won) == 1
            assert store.get(f"k{turn}") == b"%d" % won.index(True)


def test_probe_sees_that_conditional_put_holds(store: Store) -> None:
    facts = probe(store)
    assert facts.conditional_put, facts.reason
    assert list(store.list("")) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "put_new", "delete"]),
            st.sampled_from(["a", "b/a", "b/b", "b/c/d", "c-d", "c/d"]),
            st.binary(max_size=4),
        ),
        max_size=25,
    )
)
def test_a_local_store_is_a_map(steps: list[tuple[str, str, bytes]]) -> None:
    model: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(folder)
        for action, key, data in steps:
            if any(k.startswith(f"{key}/") or key.startswith(f"{k}/") for k in model):
                continue  # a file system cannot hold both 'c' and 'c/d'
            if action == "put":
                store.put(key, data)
                model[key] = data
            elif action == "put_new":
                assert store.put_new(key, data) is (key not in model)
                model.setdefault(key, data)
            else:
                store.delete(key)
                model.pop(key, None)
        assert list(store.list("")) == sorted(model)
        assert {key: store.get(key) for key in model} == model
        left = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}
        assert left == set(model)


def test_folders_go_with_their_last_key_while_others_write_into_them(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "lake"))

    def come_and_go(name: int) -> None:
        for _ in range(200):
            assert store.put_new(f"a/b/{name}", b"x")
            store.delete(f"a/b/{name}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert list((tmp_path / "lake").iterdir()) == []


RACE = """
import sys
from mmreg.registry.store import open_store
store = open_store(sys.argv[1], {})
print(sum(store.put_new(f"keys/{n}", sys.argv[2].encode() * 1000) for n in range(200)))
"""


def test_processes_never_both_put_a_new_key(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path), str(name)], stdout=subprocess.PIPE, text=True)
        for name in range(4)
    ]
    assert sum(int(racer.communicate()[0]) for racer in racers) == 200
    store = LocalStore(str(tmp_path))
    assert len(list(store.list(""))) == 200
    assert all(len(set(store.get(key) or b"")) == 1 for key in store.list(""))


OVERWRITE = """
import sys
from mmreg.registry.store import open_store
store = open_store(sys.argv[1], {})
print("ready", flush=True)
while True:
    for byte in (b"a", b"b"):
        store.put("key", byte * 2_000_000)
        store.delete("new")
        store.put_new("new", byte * 2_000_000)
"""


def test_a_killed_writer_leaves_whole_keys(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", OVERWRITE, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            for _ in range(30):
                for key in ("key", "new"):
                    data = store.get(key)
                    assert data is None or _whole(data)
            writer.send_signal(signal.SIGKILL)
        assert set(store.list("")) <= {"key", "new"}
        assert all(_whole(store.get(key) or b"") for key in store.list(""))


def _whole(data: bytes) -> bool:
    return len(data) == data.count(data[:1]) == 2_000_000


def test_a_disk_that_says_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot write 'a'") as caught:
        store.put("a", b"")
    assert caught.value.hint


def test_a_local_lake_opens_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("./lake", {})
    assert store.uri == str(tmp_path / "lake")
    assert store.options == {}
    store.put("a", b"1")
    os.chdir("/")
    assert store.get("a") == b"1"
    assert open_store(f"file://{tmp_path}/lake", {}).get("a") == b"1"


def test_lance_and_store_share_uri_and_options(s3_store: Store) -> None:
    import lance
    import pyarrow as pa

    lance.write_dataset(pa.table({"a": [1, 2]}), f"{s3_store.uri}/t.lance", storage_options=s3_store.options)
    assert [key for key in s3_store.list("t.lance/_versions") if key.endswith(".manifest")]
    assert list(s3_store.folders()) == ["t.lance"]


def test_a_server_that_is_not_there_is_a_storage_error_without_secrets() -> None:
    store = open_store(
        "s3://bucket/lake",
        {
            "aws_endpoint": "http://127.0.0.1:9",
            "aws_access_key_id": "key",
            "aws_secret_access_key": "very-secret",
            "allow_http": "true",
            "client_max_retries": "0",
            "connect_timeout": "1s",
        },
    )
    with pytest.raises(StorageError, match="cannot write 'a'") as caught:
        store.put("a", b"")
    assert "very-secret" not in str(caught.value)


def test_an_unknown_option_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="no_such_option"):
        open_store("s3://bucket/lake", {"no_such_option": "1"})


def test_an_object_store_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match=r"a lake at s3://bucket.*'s3'") as caught:
        ObjectStore("s3://bucket/lake", {})
    assert caught.value.hint == "pip install 'mmreg[s3]'"


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as a probe needs. ``answer`` is what it makes of If-None-Match: 'ignore' or 'refuse'."""

    objects: ClassVar[dict[str, bytes]]
    answer: ClassVar[str]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["If-None-Match"] and self.answer == "refuse":
            self._reply(501, b"<Error><Code>NotImplemented</Code></Error>")
            return
        self.objects[self._key] = data
        self._reply(200, ETag='"etag"')

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        if "list-type" in query:
            keys = [key for key in sorted(self.objects) if key.startswith(query["prefix"][0])]
            self._reply(200, _listing(keys))
        elif self._key in self.objects:
            self._reply(200, self.objects[self._key], ETag='"etag"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT")
        else:
            self._reply(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", body)
        for key in keys:
            self.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._reply(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    @property
    def _key(self) -> str:
        return urllib.parse.unquote(urllib.parse.urlparse(self.path).path).removeprefix("/bucket/")

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _listing(keys: list[str]) -> bytes:
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        "<ETag>etag</ETag><Size>1</Size></Contents>"
        for key in keys
    )
    return f"<ListBucketResult>{entries}</ListBucketResult>".encode()


@pytest.fixture(params=["ignore", "refuse"])
def unsafe(request: pytest.FixtureRequest) -> Iterator[tuple[Store, type[Bucket]]]:
    handler = type("Unsafe", (Bucket,), {"objects": {}, "answer": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    options = {
        "aws_endpoint": f"http://127.0.0.1:{server.server_port}",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "very-secret",
        "aws_region": "us-east-1",
        "allow_http": "true",
        "client_max_retries": "0",
    }
    yield open_store("s3://bucket/lake", options), handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_probe_finds_out_a_store_without_conditional_put(unsafe: tuple[Store, type[Bucket]]) -> None:
    store, server = unsafe
    facts = probe(store)
    assert not facts.conditional_put
    expected = {"ignore": "the condition is ignored", "refuse": "refuses a conditional put"}
    assert expected[server.answer] in facts.reason
    assert server.objects == {}


def test_a_lake_is_refused_where_two_writers_could_lose_versions(unsafe: tuple[Store, type[Bucket]]) -> None:
    store, server = unsafe
    with pytest.raises(StoreUnsafe, match="two writers could silently lose each other's versions") as refused:
        Lake.create(store.uri, store.options)
    assert "--single-writer" in str(refused.value.hint)
    assert server.objects == {}
    if server.answer == "ignore":
        Lake.create(store.uri, store.options, single_writer=True)
        assert json.loads(server.objects["lake/mmreg.json"])["writers"] == "one"
