"""A server that speaks OpenAI's chat completions and says something about every image, without a model.

    python -m mmreg.curation.fake_server --port 8000

To try a declaration before anything is paid for, and to see what a pass does when a server misbehaves: ``PUT /faults``
takes the fields of `Faults` as JSON, ``GET /calls`` tells what was asked and how often, and ``DELETE /calls`` forgets
it. What it says depends on the model's name, the prompt and the images alone. Only Python's own library is used.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KINDS = (
    "429",
    "500",
    "cut",
    "half",
    "no_json",
    "malformed_json",
    "missing_key",
    "refusal",
    "filtered",
    "empty",
    "hang",
)
TOKENS_PER_IMAGE = 85
_HANG_S = 30.0


@dataclass(frozen=True)
class Faults:
    """How requests fail: with ``kind``, one of `KINDS` or ``mixed`` (each image has one of its own).

    ``share`` of the images fail, told by their digest, each ``times`` times (None: always). Every answer takes
    ``delay_s``; a 429 asks for ``retry_after`` seconds.
    """

    kind: str = "500"
    share: float = 0.0
    times: int | None = None
    delay_s: float = 0.0
    retry_after: float = 0.05

    def of(self, images: str, before: int) -> str | None:
        """How this request fails, having failed or not ``before`` times; None where it is answered."""
        number = int(hashlib.sha256(images.encode()).hexdigest()[:8], 16)
        if number >= self.share * 2**32 or (self.times is not None and before >= self.times):
            return None
        return KINDS[number % (len(KINDS) - 1)] if self.kind == "mixed" else self.kind  # mixed hangs nobody


@dataclass
class Calls:
    """What was asked: ``images`` counts requests by the SHA-256 of their images, joined by ``+``.

    ``prompts`` and ``arrived`` (seconds of a clock) have one entry for each request.
    """

    images: dict[str, int] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    def add(self, images: str, prompt: str) -> int:
        """Count a request. Returns how many were there with these images before."""
        before = self.images.get(images, 0)
        self.images[images] = before + 1
        self.prompts.append(prompt)
        self.arrived.append(time.monotonic())
        return before


class FakeServer(ThreadingHTTPServer):
    """``key``: what callers must bring; None lets anybody in. ``model``: the only one there is; None knows all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, key: str | None = None, model: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Request)
        self.key, self.model = key, model
        self.faults = Faults()
        self.calls = Calls()
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Silence: a caller that hangs up is no news here."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Request(BaseHTTPRequestHandler):
    server: FakeServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/calls":
            with self.server.lock:
                self._json(200, asdict(self.server.calls))
        else:
            self._json(200, {"object": "list", "data": [{"id": self.server.model or "any", "object": "model"}]})

    def do_PUT(self) -> None:
        self.server.faults = Faults(**self._body())
        self._json(200, asdict(self.server.faults))

    def do_DELETE(self) -> None:
        with self.server.lock:
            self.server.calls = Calls()
        self._json(200, {})

    def do_POST(self) -> None:
        body = self._body()
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.key is not None and given != self.server.key:
            self._error(401, "invalid_api_key", f"Incorrect API key provided: {given}")
        elif self.server.model is not None and body["model"] != self.server.model:
            self._error(404, "model_not_found", f"The model {body['model']} does not exist")
        else:
            self._complete(body)

    def _complete(self, body: dict[str, Any]) -> None:
        prompt, images = _asked(body)
        asked = "+".join(images)
        with self.server.lock:
            before = self.server.calls.add(asked, prompt)
        faults = self.server.faults
        time.sleep(faults.delay_s)
        match faults.of(asked, before):
            case None:
                self._answer(body, _text(body, prompt, images))
            case "429":
                headers = {"Retry-After": f"{faults.retry_after:g}"}
                self._error(429, "rate_limit_exceeded", f"Too many requests with {self._key()}", headers)
            case "500":
                self._error(500, "server_error", "The server had an error")
            case "cut":
                self._cut()
            case "half":
                self._send(200, "application/json", b'{"choices": [', length=1000)
                self._cut()
            case "no_json":
                self._send(200, "application/json", b"<html>Bad gateway</html>")
            case "malformed_json":
                self._answer(body, '{"n": 1, ')
            case "missing_key":
                self._answer(body, "{}")
            case "refusal":
                self._answer(body, None, refusal="I cannot describe this picture.")
            case "filtered":
                self._answer(body, "", ended="content_filter")
            case "empty":
                self._answer(body, " \n")
            case "hang":
                time.sleep(_HANG_S)
                self._cut()
            case other:
                self._error(400, "bad_fault", f"there is no fault {other!r}")

    def _answer(self, body: dict[str, Any], text: str | None, refusal: str | None = None, ended: str = "stop") -> None:
        prompt, images = _asked(body)
        words = (text or "").split(" ")
        most = body.get("max_tokens") or len(words)
        if len(words) > most:
            words, ended, text = words[:most], "length", " ".join(words[:most])
        usage = {"prompt_tokens": len(prompt.split()) + TOKENS_PER_IMAGE * len(images), "completion_tokens": len(words)}
        message = {"role": "assistant", "content": text, "refusal": refusal}
        self._json(
            200,
            {
                "id": "chatcmpl-fake",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": f"{body['model']}-2026-01-01",
                "system_fingerprint": "fp_fake",
                "choices": [{"index": 0, "message": message, "finish_reason": ended}],
                "usage": usage | {"total_tokens": sum(usage.values())},
            },
        )

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._json(status, {"error": {"message": message, "type": code, "code": code}}, headers)

    def _key(self) -> str:
        return self.headers.get("Authorization", "")

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(value).encode(), headers)

    def _send(
        self,
        status: int,
        kind: str,
        data: bytes,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: what was asked is told by ``GET /calls``."""


def _asked(body: dict[str, Any]) -> tuple[str, list[str]]:
    """The prompt of a request and the digests of its images."""
    content = body["messages"][-1]["content"]
    parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    images = [part["image_url"]["url"].partition("base64,")[2] for part in parts if part["type"] == "image_url"]
    digests = [hashlib.sha256(base64.b64decode(data)).hexdigest() for data in images]
    return " ".join(part["text"] for part in parts if part["type"] == "text"), digests


def _text(body: dict[str, Any], prompt: str, images: list[str]) -> str:
    seen = "+".join(digest[:12] for digest in images)
    wanted = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if wanted is None:
        return f"{prompt} {body['model']} sees {seen}"
    return json.dumps(fitting(wanted, seen))


def fitting(schema: dict[str, Any], seen: str) -> Any:
    """A value that keeps to a plain schema."""
    said: Any = schema.get("type", "string")
    kind = next(one for one in said if one != "null") if isinstance(said, list) else said
    number = int(hashlib.sha256(seen.encode()).hexdigest()[:4], 16)
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    if kind == "object":
        return {name: fitting(below, f"{seen} {name}") for name, below in schema["properties"].items()}
    if kind == "array":
        return [fitting(schema["items"], f"{seen} {place}") for place in range(number % 3)]
    scalars: dict[str, Any] = {
        "string": seen,
        "integer": number % 10,
        "number": number / 2**16,
        "boolean": number % 2 == 0,
    }
    return scalars[kind]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server without a model.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--key", help="the only key that is accepted")
    parser.add_argument("--model", help="the only model that there is")
    given = parser.parse_args(arguments)
    server = FakeServer(given.port, given.key, given.model)
    print(server.address, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
