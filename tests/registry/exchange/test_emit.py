"""Events are sent as runs happen: to a file or to a server, and a run never fails for it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmreg.cli.main import main
from mmreg.errors import SpecError, StorageError
from mmreg.registry.exchange.export import read_export

DECLARATION = """
version: 1
project: told
emit: {emit}
datasets:
  texts:
    source: {{type: jsonl, path: texts.jsonl}}
    identity: [number]
    columns: {{number: {{type: int}}, text: {{type: text}}}}
passes:
  few: {{from: texts, into: few, use: filter, where: "number < 2"}}
"""
KEY = "nobody-else-knows-this-one"


class Received:
    """A server that keeps what it is sent, or says no."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.asked = 0
        self.status = 201
        self.url = self.moved_to = ""


@pytest.fixture
def server() -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.asked += 1
            if received.status == 201:
                received.events.append(json.loads(body))
                received.keys.add(self.headers["Authorization"])
            self.send_response(received.status)
            if received.moved_to:
                self.send_header("Location", received.moved_to)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    received.url = f"http://127.0.0.1:{httpd.server_port}"
    yield received
    httpd.shutdown()
    thread.join()
    httpd.server_close()


class Told:
    """A project whose runs are told of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(3)

    def write(self, rows: int) -> None:
        lines = [json.dumps({"number": number, "text": f"text {number}"}) for number in range(rows)]
        (self.folder / "texts.jsonl").write_text("\n".join(lines))

    def declare(self, emit: str) -> None:
        (self.folder / "mmreg.yaml").write_text(DECLARATION.format(emit=emit))
        if not (self.folder / ".mmreg").exists():
            self.call("init")

    def call(self, *args: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["-C", str(self.folder), *args], catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.stdout

    def unsent(self) -> list[str]:
        folder = self.folder / ".mmreg/unsent"
        return [file.name for file in folder.iterdir()] if folder.is_dir() else []


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_to_a_file(told: Told, conforms: Callable[[Any], None]) -> None:
    told.declare("{to: out/lineage.jsonl}")
    told.call("apply", "-q")
    file = told.folder / "out/lineage.jsonl"
    for line in file.read_text().splitlines():
        conforms(json.loads(line))
    down = json.loads(told.call("lineage", "down", "texts@v1", "--json"))
    lineage = read_export(file)
    assert {node.id for node in lineage.nodes} > {node["id"] for node in down["nodes"]}
    assert {(e.source, e.target, e.kind) for e in lineage.edges} >= {tuple(e.values()) for e in down["edges"]}
    assert told.unsent() == []


def test_to_a_server_with_its_key(told: Told, server: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_KEY", KEY)
    told.declare(f"{{to: '{server.url}', api_key: 'env:LINEAGE_KEY'}}")
    told.call("apply", "-q")
    assert [event["eventType"] for event in server.events] == ["START", "COMPLETE"] * 2
    assert server.keys == {f"Bearer {KEY}"}
    assert all(KEY.encode() not in file.read_bytes() for file in told.folder.rglob("*") if file.is_file())


def test_as_the_client_is_configured_for_itself(told: Told) -> None:
    config = "transport: {type: file, append: true, log_file_path: %s}"
    (told.folder / "openlineage.yml").write_text(config % (told.folder / "own.jsonl"))
    told.declare("{to: openlineage.yml}")
    told.call("apply", "-q")
    assert len((told.folder / "own.jsonl").read_text().splitlines()) == 4


def test_a_run_does_not_fail_for_a_server_that_is_down(
    told: Told, server: Received, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 500
    told.declare(f"{{to: '{server.url}'}}")
    with caplog.at_level(logging.WARNING, "mmreg"):
        told.call("apply", "-q")
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "mmreg"]
    assert "mmreg lineage export --emit --since-last" in warning  # once, however many runs
    assert len(told.unsent()) == 2 and server.events == []

    told.call("lineage", "export", "--since-last", status=StorageError.exit_status)
    assert len(told.unsent()) == 2
    server.status = 201
    answer = json.loads(told.call("lineage", "export", "--emit", "--since-last", "--json"))
    assert (answer["runs"], answer["events"], answer["unsent"]) == (2, 4, [])
    assert told.unsent() == [] and len(server.events) == 4
    assert json.loads(told.call("lineage", "export", "--since-last", "--json"))["runs"] == 0


def test_a_redirect_is_not_followed(told: Told, server: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_KEY", KEY)
    server.status, server.moved_to = 307, f"{server.url}/elsewhere"
    told.declare(f"{{to: '{server.url}', api_key: 'env:LINEAGE_KEY'}}")
    told.call("apply", "-q")
    assert server.asked == 1 and len(told.unsent()) == 2


def test_sending_again_says_the_same(told: Told, server: Received) -> None:
    told.declare(f"{{to: '{server.url}'}}")
    told.call("apply", "-q")
    runs = {event["run"]["runId"] for event in server.events}
    told.call("lineage", "export", "few@v1", "--emit")
    assert {event["run"]["runId"] for event in server.events[4:]} == runs


def test_where_nothing_is_declared_nothing_is_sent(told: Told) -> None:
    told.declare("null")
    told.call("apply", "-q")
    assert told.unsent() == []


@pytest.mark.parametrize(
    "emit",
    ["{to: 'https://me:secret@host'}", "{to: 'https://host', api_key: sesame}", "{to: x.jsonl, api_key: 'env:A'}"],
)
def test_a_secret_in_the_declaration_and_a_key_for_a_file_are_refused(told: Told, emit: str) -> None:
    from mmreg.registry.api import Registry

    told.declare("null")
    (told.folder / "mmreg.yaml").write_text(DECLARATION.format(emit=emit))
    with pytest.raises(SpecError, match=r"mmreg.yaml:4:") as raised, Registry.open(told.folder) as registry:
        registry.spec  # noqa: B018
    assert "sesame" not in str(raised.value) and "me:secret" not in str(raised.value)
