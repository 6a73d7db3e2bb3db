"""Addresses: those of the declaration are asked, those of the data never; no key goes to another host."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmreg.curation.captioner import Params, Question, open_captioner
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import MmregError, StorageError, UsageError
from mmreg.registry.media import with_bytes
from mmreg.registry.weights import opaque_checkpoint
from mmreg.schemas.arrow import media_type
from mmreg.schemas.declared_models import ModelSpec

KEY = "sk-planted1234567890abcdefghijklmnop"


@pytest.fixture
def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def captioner(address: str, **params: Any) -> Any:
    checkpoint = opaque_checkpoint(ModelSpec(uri=address, name="tiny", framework="openai"), "vlm")
    return open_captioner(LoadedModel(checkpoint, None, lambda: KEY), Params(retries=0, **params), None)


def addresses(listener: Any) -> list[str]:
    host = listener.address.removeprefix("http://")
    return [
        f"{listener.address}/a.png", f"http://user:pw@{host}/a.png", f"//{host}/a.png", f"http:/{host}/a.png",
        "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "file:///etc/passwd",
        "s3://bucket/key", "gs://bucket/key", "hf://datasets/x/y", "data:image/png;base64,AAAA", f"ftp://{host}/a",
    ]  # fmt: skip


def test_addresses_in_data_are_never_fetched(tmp_path: Path, read: Callable[..., Any], listener: Any) -> None:
    listed = addresses(listener)
    (tmp_path / "all.jsonl").write_text("".join(json.dumps({"image": address}) + "\n" for address in listed))
    (tmp_path / "images").mkdir()
    (tmp_path / "files.jsonl").write_text("".join(json.dumps({"file_name": address}) + "\n" for address in listed))
    pairs = [{"bytes": None, "path": address} for address in listed]
    pq.write_table(pa.table({"image": pairs}), tmp_path / "pairs.parquet")
    for source in (
        {"type": "jsonl", "path": "all.jsonl"},
        {"type": "parquet", "path": "pairs.parquet"},
        {"type": "imagefolder", "path": "images", "captions": "files.jsonl"},
    ):
        found = read(source)
        assert not found.rows and set(found.reasons.values()) <= {"missing_file", "outside_root", "duplicate_address"}
    assert listener.asked == []


def test_addresses_in_a_lake_are_never_fetched(tmp_path: Path, listener: Any) -> None:
    for address in addresses(listener):
        batch = pa.record_batch({"image": pa.array([{"uri": address}], media_type("image"))})
        with pytest.raises(StorageError):
            with_bytes(batch, str(tmp_path))
    assert listener.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(two_listeners: Any, picture: bytes, status: int) -> None:
    """Neither key nor picture nor prompt goes where the declared server points."""
    declared, other = two_listeners
    declared.status, declared.headers = status, {"Location": f"{other.address}/v1/chat/completions?token={KEY}"}
    with pytest.raises(UsageError, match="sends elsewhere") as caught:
        captioner(f"{declared.address}/v1").ask([Question("what?", (picture,))])
    assert len(declared.asked) == 1 and other.asked == []
    assert KEY not in str(caught.value)
    assert declared.asked[0][1]["authorization"] == f"Bearer {KEY}", "the test sends a key at all"


def test_a_redirect_to_itself_ends(listener: Any, picture: bytes) -> None:
    listener.status, listener.headers = 307, {"Location": "/v1/chat/completions"}
    with pytest.raises(UsageError, match="sends elsewhere"):
        captioner(f"{listener.address}/v1").ask([Question("what?", (picture,))])
    assert len(listener.asked) == 1


def test_an_answer_without_end_is_not_read_to_its_end(
    listener: Any, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mmreg.curation.captioner_openai as module

    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    monkeypatch.setattr(module, "MOST_TEXT", 1000)
    listener.headers = {"Content-Type": "application/json"}
    for size, told in ((1_000_000, "sends more than 100,000 bytes"), (5000, "5,000 characters, the limit is 1,000")):
        message = {"role": "assistant", "content": "x" * size}
        listener.body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        [reply] = captioner(f"{listener.address}/v1").ask([Question("what?", (picture,))])
        assert reply.error is not None and reply.error.startswith("malformed_answer: ") and told in reply.error


NO_ANSWERS = [b"[" * 100_000, b'{"choices": ' + b"[" * 20_000, b"null", b"\xff\xfe", b'{"choices": 1e999}']


@pytest.mark.parametrize("body", NO_ANSWERS, ids=range(len(NO_ANSWERS)))
def test_answers_that_are_none(listener: Any, picture: bytes, body: bytes) -> None:
    listener.body, listener.headers = body, {"Content-Type": "application/json"}
    [reply] = captioner(f"{listener.address}/v1").ask([Question("what?", (picture,))])
    assert reply.text is None and reply.error


def test_half_a_character_is_an_answer_that_can_be_kept(listener: Any, picture: bytes) -> None:
    listener.headers = {"Content-Type": "application/json"}
    message = b'{"role": "assistant", "content": "a \\ud800 b"}'
    listener.body = b'{"choices": [{"message": ' + message + b', "finish_reason": "stop"}]}'
    [reply] = captioner(f"{listener.address}/v1").ask([Question("what?", (picture,))])
    assert reply.text == "a ? b"


def test_the_hub_is_asked_for_names_only(tmp_path: Path) -> None:
    from mmreg.registry.hub import fetched_snapshot

    for uri in ("hf://../x", "hf:///etc", "hf://a/b/c", "hf://", "hf://a/"):
        with pytest.raises(MmregError):
            fetched_snapshot(uri, None)
