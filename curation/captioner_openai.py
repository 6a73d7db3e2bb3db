"""Models behind a server that speaks OpenAI's chat completions, as `Captioner`: OpenAI's own, vLLM, llama.cpp, ...

The client of the package openai does the talking and the retrying: 408, 409, 429, 5xx and lost connections are tried
again, after what ``Retry-After`` says or with exponential back-off. Whatever a row ends with, it ends alone; only what
no row can be answered for (a wrong key, an unknown model, no server, no credit) ends the pass.
"""

from __future__ import annotations

import base64
import importlib
import io
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from PIL import Image

from mmreg.curation import decode
from mmreg.curation.captioner import Params, Question, Reply, Spending
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MissingExtra, MmregError, StorageError, UsageError
from mmreg.schemas.cells import encodable
from mmreg.schemas.secrets import redacted
from mmreg.validators.media.pictures import FORMATS, strict

_SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats that every server reads; an image in another one is sent as PNG."""
MOST_BYTES, MOST_TEXT = 16 * 1024 * 1024, 1024 * 1024
"""Of a response, and characters of an answer: ``max_new_tokens`` is a wish that a server may ignore."""
_MOST_SAID = 300
"""Characters of a server's message that are kept."""


class OpenAICaptioner:
    """Asks ``concurrency`` questions at once. The key is asked for here, and kept by the client alone."""

    def __init__(self, model: LoadedModel, params: Params, schema: Mapping[str, Any] | None) -> None:
        try:
            self._openai: Any = importlib.import_module("openai")  # its types would cost mypy minutes
        except ImportError as error:
            raise MissingExtra("a model behind a server", extra="mllm") from error
        self._name, self._uri = model.checkpoint.name, model.checkpoint.uri
        self._params = params
        self._hidden = model.secret() if model.secret is not None else ""
        pace = Pace(params.requests_per_minute)
        self._client = self._openai.OpenAI(
            base_url=self._uri,
            api_key=self._hidden or "none",  # else the client takes OPENAI_API_KEY, which may be meant for another
            timeout=params.timeout_s,
            max_retries=params.retries,
            # Not followed elsewhere: images and prompts are for the address that was declared, and so is the key.
            http_client=self._openai.DefaultHttpxClient(
                follow_redirects=False,
                event_hooks={"request": [lambda request: pace.wait()], "response": [_refuse_flood]},
            ),
        )
        weakref.finalize(self, self._client.close)  # a pass is opened and never closed
        self._body = _body(model, params, schema)
        self._counting = threading.Lock()
        self.spending = Spending()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        with strict():
            return _at_once(self._ask, questions, self._params.concurrency)

    def _ask(self, question: Question) -> Reply:
        try:
            images = [_data_url(image, self._params.max_pixels) for image in question.images]
        except decode.Undecodable as reason:
            return Reply(error=str(reason))
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in images]
        content = [*parts, {"type": "text", "text": question.prompt}]
        try:
            answer = self._client.chat.completions.create(**self._body, messages=[{"role": "user", "content": content}])
        except self._openai.APIError as error:
            return Reply(error=self._reason(error))
        except (_Flood, ValueError, RecursionError) as error:  # the body is endless, or no JSON
            return Reply(error=f"malformed_answer: {self._clean(str(error))}")
        return self._reply(answer)

    def _reply(self, answer: Any) -> Reply:
        """What a completion says; its parts are not checked by the client, so any may be missing."""
        try:
            [choice, *_] = answer.choices
            message, ended = choice.message, choice.finish_reason
            text, refusal = message.content, getattr(message, "refusal", None)
            self._count(answer, truncated=ended == "length")
        except (AttributeError, TypeError, ValueError) as error:
            return Reply(error=f"malformed_answer: this is no completion ({type(error).__name__})")
        if refusal or ended == "content_filter":
            return Reply(error=f"refusal: {self._clean(refusal or 'the content filter stopped it')}")
        if not isinstance(text, str) or not text.strip():
            return Reply(error="empty_answer: the model said nothing")
        if len(text) > MOST_TEXT:
            return Reply(error=f"malformed_answer: {len(text):,} characters, the limit is {MOST_TEXT:,}")
        return Reply(text=encodable(text.strip()))

    def _count(self, answer: Any, *, truncated: bool) -> None:
        usage = getattr(answer, "usage", None)
        with self._counting:
            self.spending.tokens_in += getattr(usage, "prompt_tokens", 0) or 0
            self.spending.tokens_out += getattr(usage, "completion_tokens", 0) or 0
            self.spending.truncated += truncated
            served = (getattr(answer, "model", None), getattr(answer, "system_fingerprint", None))
            self.spending.served.add(" ".join(str(part) for part in served if part))

    def _reason(self, error: Any) -> str:
        """Why a row has no answer. Raises where no row can have one."""
        if isinstance(error, self._openai.APITimeoutError):
            return f"timeout: no answer within {self._params.timeout_s:g} s"
        if isinstance(error, self._openai.APIConnectionError):
            if isinstance(error.__cause__, _Flood):
                return f"malformed_answer: {error.__cause__}"
            cause = type(error.__cause__).__name__
            if cause in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol"):
                raise StorageError(
                    f"model {self._name}: no server answers at {self._uri} ({self._clean(str(error.__cause__))})",
                    hint="start it, or mend its uri in mmreg.yaml; what was answered so far is kept",
                ) from error
            return f"connection_lost: {self._clean(str(error.__cause__) or cause)}"
        if isinstance(error, self._openai.APIStatusError):
            self._refuse_hopeless(error)
            code = "server_error" if error.status_code >= 500 else "refused_request"
            code = {429: "rate_limited"}.get(error.status_code, code)
            code = {"content_filter": "refusal"}.get(error.code, code)
            return f"{code}: status {error.status_code}: {self._said(error)}"
        return f"malformed_answer: {self._clean(str(error))}"

    def _refuse_hopeless(self, error: Any) -> None:
        """Raise where the server says what it would say to every row."""
        fault: MmregError | None = None
        if error.status_code in (401, 403):
            fault = UsageError(
                f"model {self._name}: {self._uri} does not accept the key (status {error.status_code})",
                hint=f"models: {{{self._name}: {{api_key: env:NAME}}}}, with the right key in that variable",
            )
        elif error.status_code == 404:
            fault = UsageError(
                f"model {self._name}: {self._uri} knows no model {self._body['model']!r}: {self._said(error)}",
                hint="mend 'name' or 'uri' of the model in mmreg.yaml",
            )
        elif 300 <= error.status_code < 400:
            told = self._clean(error.response.headers.get("location", "nowhere"))
            fault = UsageError(
                f"model {self._name}: {self._uri} sends elsewhere (status {error.status_code}, {told!r})",
                hint="where that is right, it is the model's uri in mmreg.yaml",
            )
        elif error.code == "insufficient_quota":
            fault = StorageError(
                f"model {self._name}: {self._uri} gives no more credit: {self._said(error)}",
                hint="what was answered is kept: raise the quota, then mmreg apply",
            )
        if fault is not None:
            raise fault from error

    def _said(self, error: Any) -> str:
        """The server's own words, where it has any."""
        told = error.body.get("message") if isinstance(error.body, dict) else None
        return self._clean(str(told or error.message))

    def _clean(self, message: str) -> str:
        """A server's message in one short line, without the key, which some servers repeat."""
        line = " ".join(message.split())
        return encodable(redacted(line.replace(self._hidden, "***") if self._hidden else line)[:_MOST_SAID])


class _Flood(Exception):
    """An answer that is too long to be read."""


def _refuse_flood(response: Any) -> None:
    """Read a response as it comes, and no more of it than any answer has."""
    read = response.iter_bytes

    def bounded(*arguments: Any, **options: Any) -> Iterator[bytes]:
        seen = 0
        for part in read(*arguments, **options):
            seen += len(part)
            if seen > MOST_BYTES:
                raise _Flood(f"the server sends more than {MOST_BYTES:,} bytes")
            yield part

    response.iter_bytes = bounded


def _at_once(ask: Callable[[Question], Reply], questions: Sequence[Question], most: int) -> list[Reply]:
    """The replies in order, of ``most`` questions at a time. The first error ends it, and the questions not begun yet.

    An executor would keep Ctrl-C waiting for every answer that is under way: nobody waits for these threads.
    """
    replies: list[Future[Reply]] = [Future() for _ in questions]
    todo = iter(list(zip(replies, questions, strict=True)))

    def work() -> None:
        for reply, question in todo:  # a list's iterator hands each out once, whoever asks
            if reply.set_running_or_notify_cancel():
                try:
                    reply.set_result(ask(question))
                except BaseException as error:
                    reply.set_exception(error)

    for _ in range(min(most, len(replies))):
        threading.Thread(target=work, name="mmreg-ask", daemon=True).start()
    try:
        return [reply.result() for reply in replies]
    except BaseException:
        for reply in replies:
            reply.cancel()
        raise


class Pace:
    """Lets callers through evenly, ``per_minute`` of them; 0 lets all through."""

    def __init__(self, per_minute: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)


def _body(model: LoadedModel, params: Params, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """All that is the same in every request."""
    name = model.checkpoint.facts.get("name")
    if not name:
        raise UsageError(
            f"model {model.checkpoint.name}: nobody says what {model.checkpoint.uri} calls it",
            hint=f"models: {{{model.checkpoint.name}: {{name: ...}}}}",
        )
    body: dict[str, Any] = {"model": name, "max_tokens": params.max_new_tokens, "temperature": params.temperature}
    if params.temperature:
        body |= {"top_p": params.top_p, "seed": params.seed}
    if schema is not None:
        answer = {"name": "answer", "schema": dict(schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": answer}
    return body


def _data_url(data: bytes, max_pixels: int) -> str:
    """The image as it is if it decodes and any server can read it, else as PNG. Raises `Undecodable`."""
    picture = decode.rgb(data, max_pixels)
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        kind = _SENT_AS_THEY_ARE.get(file.format or "")
    if kind is None:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        kind, data = "image/png", buffer.getvalue()
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
