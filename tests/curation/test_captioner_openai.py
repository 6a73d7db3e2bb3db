"""A model behind a server: what it says, what goes wrong row by row, and what goes wrong for all."""

from __future__ import annotations

import hashlib
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mmreg.curation.captioner import Captioner, Params, Question, Reply, open_captioner
from mmreg.curation.captioner_openai import Pace
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MissingExtra, StorageError, UsageError
from mmreg.registry.weights import opaque_checkpoint
from mmreg.schemas.declared_models import ModelSpec

if TYPE_CHECKING:
    from tests.conftest import ModelServer

Open = Callable[..., Captioner]


@pytest.fixture
def ask(model_server: ModelServer) -> Open:
    """``ask(retries=0)``: the server as a captioner."""

    def ask(schema: dict[str, Any] | None = None, **params: Any) -> Captioner:
        return open_captioner(served(model_server.address, model_server.key), Params(**params), schema)

    return ask


def served(address: str, key: str | None, name: str | None = "tiny") -> LoadedModel:
    spec = ModelSpec(uri=address, name=name, framework="openai")
    return LoadedModel(opaque_checkpoint(spec, "vlm"), None, (lambda: key) if key is not None else None)


@pytest.fixture
def picture(encode: Callable[..., bytes]) -> Callable[..., bytes]:
    """``picture(3)``: a small file, another for each number."""
    return lambda number=0, format="PNG": encode(Image.new("RGB", (9, 8), (number, 80, 90)), format)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_an_answer_and_what_it_costs(ask: Open, picture: Callable[..., bytes]) -> None:
    params = Params(price_in=2.0, price_out=10.0)
    captioner = ask(price_in=2.0, price_out=10.0)
    [reply] = captioner.ask([Question("what is this?", (picture(),))])
    assert reply == Reply(text=f"what is this? tiny sees {digest(picture())[:12]}")
    assert captioner.spending.totals(params) == {
        "tokens_in": 88, "tokens_out": 6, "truncated": 0, "money": pytest.approx((88 * 2 + 6 * 10) / 1e6)
    }  # fmt: skip
    assert captioner.spending.served == {"tiny-2026-01-01 fp_fake"}


def test_many_at_once_are_answered_in_their_order(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer
) -> None:
    model_server.fail(delay_s=0.05)
    questions = [Question(f"no. {number}", (picture(number),)) for number in range(40)]
    replies = ask(concurrency=20).ask(questions)
    assert [reply.text for reply in replies] == [
        f"no. {number} tiny sees {digest(picture(number))[:12]}" for number in range(40)
    ]
    arrived = model_server.calls()["arrived"]
    assert max(arrived) - min(arrived) < 40 * 0.05 / 2, "one after the other they would take 2 s"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_file_itself_is_sent(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer, format: str
) -> None:
    data = picture(1, format)
    ask().ask([Question("?", (data, picture(2)))])
    assert model_server.calls()["images"] == {f"{digest(data)}+{digest(picture(2))}": 1}


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF"])
def test_what_not_every_server_reads_is_sent_as_png(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer, format: str
) -> None:
    [reply] = ask().ask([Question("?", (picture(1, format),))])
    [sent] = model_server.calls()["images"]
    assert reply.text and sent != digest(picture(1, format))


def test_an_image_that_does_not_decode_is_not_sent(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer
) -> None:
    questions = [
        Question("a", (b"no image",)),
        Question("b", (picture(),)),
        Question("c", (picture(), picture(0, "JPEG")[:630])),
    ]
    first, second, third = ask(max_pixels=72).ask(questions)
    assert (first.error or "").startswith("not_an_image: ")
    assert second.text and (third.error or "").startswith("unreadable: ")
    assert len(model_server.calls()["prompts"]) == 1
    [large] = ask(max_pixels=71).ask(questions[1:2])
    assert (large.error or "").startswith("pixel_limit: ")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("429", "rate_limited: status 429: Too many requests with Bearer ***"),
        ("500", "server_error: status 500: The server had an error"),
        ("cut", "connection_lost: Server disconnected without sending a response."),
        ("half", "connection_lost: peer closed connection"),
        ("no_json", "malformed_answer: Expecting value"),
        ("refusal", "refusal: I cannot describe this picture."),
        ("filtered", "refusal: the content filter stopped it"),
        ("empty", "empty_answer: the model said nothing"),
        ("hang", "timeout: no answer within 0.5 s"),
        ("strange", "refused_request: status 400: there is no fault 'strange'"),
    ],
)
def test_a_row_that_fails_says_why(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer, kind: str, reason: str
) -> None:
    model_server.fail(kind=kind, share=1.0)
    [reply] = ask(retries=0, timeout_s=0.5).ask([Question("?", (picture(),))])
    assert reply.text is None and (reply.error or "").startswith(reason)


@pytest.mark.parametrize("kind", ["429", "500", "cut"])
def test_what_passes_is_tried_again(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer, kind: str
) -> None:
    model_server.fail(kind=kind, share=1.0, times=1)
    [reply] = ask(retries=2).ask([Question("?", (picture(),))])
    assert reply.text
    assert list(model_server.calls()["images"].values()) == [2]


def test_retry_after_is_waited_for(ask: Open, picture: Callable[..., bytes], model_server: ModelServer) -> None:
    model_server.fail(kind="429", share=1.0, times=1, retry_after=1.2)
    assert ask(retries=2).ask([Question("?", (picture(),))])[0].text
    first, second = model_server.calls()["arrived"]
    assert 1.2 <= second - first < 4, "the client's own first pause is half a second"


def test_what_will_not_change_is_asked_once(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer
) -> None:
    for kind in ("refusal", "empty", "strange"):
        model_server.fail(kind=kind, share=1.0)
        ask(retries=5).ask([Question("?", (picture(),))])
    assert list(model_server.calls()["images"].values()) == [3]


def test_a_text_that_was_cut_off_is_kept_and_counted(ask: Open, picture: Callable[..., bytes]) -> None:
    captioner = ask(max_new_tokens=3)
    [reply] = captioner.ask([Question("one two three four", (picture(),))])
    assert reply.text == "one two three"
    assert captioner.spending.truncated == 1


def test_answers_that_are_of_no_use_cost_as_well(
    ask: Open, picture: Callable[..., bytes], model_server: ModelServer
) -> None:
    model_server.fail(kind="refusal", share=1.0)
    captioner = ask()
    assert captioner.ask([Question("a b", (picture(),))])[0].error
    assert captioner.spending.tokens_in == 87


def test_a_schema_is_sent_along(ask: Open, picture: Callable[..., bytes]) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    [reply] = ask(schema).ask([Question("?", (picture(),))])
    assert (reply.text or "").startswith('{"count": ')


def test_a_wrong_key_ends_it_and_stays_secret(
    model_server: ModelServer, picture: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for key in ("sk-wrong-but-secret", None):
            with pytest.raises(UsageError, match=r"does not accept the key \(status 401\)") as told:
                open_captioner(served(model_server.address, key), Params(), None).ask([Question("?", (picture(),))])
            assert "secret" not in str(told.value)
        open_captioner(served(model_server.address, model_server.key), Params(), None).ask(
            [Question("?", (picture(),))]
        )
    assert "sk-" not in caplog.text


def test_the_environment_s_key_goes_to_no_other_server(
    model_server: ModelServer, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", model_server.key)
    with pytest.raises(UsageError, match="does not accept the key"):
        open_captioner(served(model_server.address, None), Params(), None).ask([Question("?", (picture(),))])


def test_no_server_ends_it(picture: Callable[..., bytes]) -> None:
    with pytest.raises(StorageError, match=r"model vlm: no server answers at http://127.0.0.1:9/v1") as told:
        open_captioner(served("http://127.0.0.1:9/v1", None), Params(retries=0), None).ask(
            [Question("?", (picture(),))] * 5
        )
    assert "start it" in (told.value.hint or "")


def test_ctrl_c_waits_for_no_answer(model_server: ModelServer, picture: Callable[..., bytes], tmp_path: Path) -> None:
    model_server.fail(kind="hang", share=1.0)
    (tmp_path / "picture").write_bytes(picture())
    code = """
        import sys
        from mmreg.curation.captioner import Params, Question, open_captioner
        from mmreg.curation.protocol import LoadedModel
        from mmreg.registry.weights import opaque_checkpoint
        from mmreg.schemas.declared_models import ModelSpec

        spec = ModelSpec(uri=sys.argv[1], name="tiny", framework="openai")
        model = LoadedModel(opaque_checkpoint(spec, "vlm"), None, lambda: sys.argv[2])
        open_captioner(model, Params(), None).ask([Question("?", (open("picture", "rb").read(),))] * 50)
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code), model_server.address, model_server.key],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while len(model_server.calls()["prompts"]) < 8:
            assert process.poll() is None
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert "KeyboardInterrupt" in told
    assert time.monotonic() - started < 15, "the server would take half a minute"
    assert len(model_server.calls()["prompts"]) == 8


def test_a_model_without_a_name_is_refused(model_server: ModelServer) -> None:
    with pytest.raises(UsageError, match=r"nobody says what http://.* calls it"):
        open_captioner(served(model_server.address, None, name=None), Params(), None)


def test_an_address_that_nobody_can_ask(model_server: ModelServer) -> None:
    spec = ModelSpec(uri=model_server.address, framework="other")
    with pytest.raises(UsageError, match="nothing here can ask http://") as told:
        open_captioner(LoadedModel(opaque_checkpoint(spec, "vlm"), None), Params(), None)
    assert "framework: openai" in (told.value.hint or "")


def test_a_missing_library_names_its_extra(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra) as caught:
        open_captioner(served(model_server.address, None), Params(), None)
    assert caught.value.extra == "mllm"


def test_requests_are_let_through_evenly() -> None:
    slept: list[float] = []
    pace = Pace(60, slept.append)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(8):
            threads.submit(pace.wait)
    assert sorted(round(pause) for pause in slept) == [1, 2, 3, 4, 5, 6, 7], "one a second, the first at once"


def test_the_pace_holds_on_the_wire(ask: Open, picture: Callable[..., bytes], model_server: ModelServer) -> None:
    model_server.fail(kind="500", share=1.0, times=1)
    ask(requests_per_minute=600, concurrency=8, retries=1).ask(
        [Question("?", (picture(number),)) for number in range(4)]
    )
    arrived = sorted(model_server.calls()["arrived"])
    assert len(arrived) == 8, "each was tried twice, and a retry counts as well"
    assert arrived[-1] - arrived[0] >= 0.65


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_new_tokens": 0}, "'max_new_tokens' is 0; it must be 1 or more"),
        ({"temperature": -0.1}, "'temperature' is -0.1; it must be 0 or more"),
        ({"temperature": float("nan")}, "'temperature' is nan"),
        ({"top_p": 0.0}, "'top_p' is 0.0"),
        ({"concurrency": 0}, "'concurrency' is 0"),
        ({"timeout_s": 0.0}, "'timeout_s' is 0"),
        ({"price_in": -1.0}, "'price_in' is -1.0"),
        ({"max_pixels": 0}, "'max_pixels' is 0"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Params(**params)
