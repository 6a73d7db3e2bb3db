"""Secrets that a project uses or meets: in no file, log, answer, record or traceback that mmreg writes."""

from __future__ import annotations

import json
import logging
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmreg.schemas.run import Job, Run, RunState
from mmreg.schemas.secrets import is_token, redacted

AWS = "AKIAQ7PLANTEDKEY9ZXW"
HUB = "hf_PlantedPlantedPlantedPlanted0123456789"
OPENAI = "sk-proj-planted0123456789plantedplanted0123456789"
PLAIN = "planted-without-a-shape-0451"
"""Only who was given it can know that it is a secret."""
SIGNATURE = "plantedsignature99ab"
PASSWORD = "plantedpassword77cd"
URL = f"https://planteduser:{PASSWORD}@127.0.0.1:9/repo.git?X-Amz-Signature={SIGNATURE}&token={HUB}"
PLANTED = (AWS, HUB, OPENAI, PLAIN, SIGNATURE, PASSWORD)

PROJECT = """
    version: 1
    project: small
    lake: {uri: LAKE, options: {aws_access_key_id: env:PLANTED_AWS, aws_secret_access_key: file:key.txt}}
    models:
      vlm: {uri: "ADDRESS/v1", name: tiny, framework: openai, api_key: env:PLANTED_KEY}
    datasets:
      pairs:
        source: {type: imagefolder, path: images}
        columns: {image: {type: image}, caption: {type: text, nullable: true}}
    passes:
      told: {from: pairs, use: caption, model: vlm, inputs: {image: image}, max_error_rate: 1, params: {retries: 0}}
      leaky: {from: pairs, use: "leaking:Leak", inputs: {image: image}, max_error_rate: 1}
"""
LEAKING = f"""
import pyarrow as pa
class Leak:
    version, kind, scope, role, inputs = '1', 'score', 'row', 'evaluator', {{'image': 'image'}}
    def __init__(self, recipe): pass
    def open(self): pass
    def outputs(self): return pa.schema([('x', pa.float64())])
    def __call__(self, batch): raise ValueError("cannot reach {URL} with {OPENAI} and {AWS}")
"""


def found_in(text: str | bytes) -> list[str]:
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    return [secret for secret in PLANTED if secret.encode() in data]


def found_below(folder: Path, besides: set[str]) -> list[tuple[str, list[str]]]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in besides]
    assert files
    return [(str(file), found) for file in files if (found := found_in(file.read_bytes()))]


def test_main_verbs_with_planted_secrets(
    place: Any, listener: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server repeats the key and more in its errors, a pass raises what it knows, weights cannot be fetched."""
    caplog.set_level(logging.DEBUG)
    for name, value in {
        "PLANTED_KEY": PLAIN, "PLANTED_AWS": AWS, "OPENAI_API_KEY": OPENAI, "HF_TOKEN": HUB,
        "AWS_SECRET_ACCESS_KEY": PLAIN, "GIT_ASKPASS": URL,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    images = place.folder / "images"
    images.mkdir()
    for number in range(3):
        Image.new("RGB", (4 + number, 4)).save(images / f"{number}.png")
    (place.folder / "key.txt").write_text(PLAIN)
    (place.folder / "leaking.py").write_text(LEAKING)
    listener.headers = {"Content-Type": "application/json"}
    place.declare(PROJECT.replace("LAKE", "./lake").replace("ADDRESS", listener.address))
    said = []

    shapes = cycle(([], ["--json"], ["--debug"], ["--json", "--debug"]))

    def call(*args: str) -> None:
        result = place.call(*args, *next(shapes), status=None)
        said.append(result.stdout + result.stderr)

    call("init")
    for status in (400, 401, 404, 500, 200):
        listener.status = status
        error = {"message": f"bad key {PLAIN}, Bearer {OPENAI}; see {URL}", "code": AWS}
        listener.body = json.dumps({"error": error}).encode()
        call("apply")
        call("errors", "told")
    assert any(
        "Authorization".lower() in headers and PLAIN in headers["authorization"] for _, headers in listener.asked
    )
    weights = place.folder / "weights.safetensors"
    weights.write_bytes((2).to_bytes(8, "little") + b"{}")
    trained = ["train", "record", "clip", "--input", "pairs", "--checkpoint", str(weights), "--param"]
    for refused in (["model", "add", str(weights), "clip", "--license", f"from {URL}"], [*trained, f"token={OPENAI}"]):
        for _ in range(4):
            call(*refused)
    call("model", "add", str(weights), "clip", "--license", "mit")
    call(*trained, "lr=1")
    for verb in (
        ["ls"], ["log", "pairs"], ["show", "pairs"], ["head", "pairs"], ["errors", "leaky"], ["status"], ["plan"],
        ["lineage", "up", "pairs"], ["lineage", "down", "model:clip"], ["model", "show", "clip"], ["train", "ls"],
        ["doctor"], ["catalog", "rebuild"], ["show", URL], ["diff", "pairs@v1", "pairs@v2"], ["validate", "pairs"],
    ):  # fmt: skip
        call(*verb)
        call(*verb)
    for text in (*said, *(record.getMessage() for record in caplog.records if record.name.startswith("mmreg"))):
        assert not found_in(text), text
    assert not found_below(place.folder, besides={"key.txt", "leaking.py"})


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("datasets.pairs.source.path", URL),
        ("datasets.pairs.source.repo", URL),
        ("models.vlm.uri", URL),
        ("models.vlm.api_key", OPENAI),
        ("models.vlm.license", HUB),
        ("catalog", f"postgresql://me:{PASSWORD}@127.0.0.1/x"),
        ("lake.options.aws_secret_access_key", PLAIN),
        ("lake.options.region", AWS),
        ("passes.p.params.note", OPENAI),
        ("passes.p.use", HUB),
        ("nonsense", OPENAI),
        ("project", AWS),
        ("datasets.pairs.source.type", HUB),
    ],
)
def test_a_secret_in_the_declaration_is_refused_and_not_repeated(place: Any, where: str, value: str) -> None:
    tree: dict[str, Any] = {"version": 1, "project": "small", "lake": {"uri": "./lake"}}
    tree["datasets"] = {"pairs": {"source": {"type": "dvc", "path": "x"}, "columns": {"text": {"type": "text"}}}}
    tree["passes"] = {"p": {"from": "pairs", "use": "filter", "where": "text IS NULL"}}
    tree["models"] = {"vlm": {"uri": "http://127.0.0.1:9/v1"}}
    *path, last = where.split(".")
    node = tree
    for step in path:
        node = node.setdefault(step, {})
    node[last] = value
    place.declare(json.dumps(tree, indent=1))
    for more in ([], ["--json"], ["--debug"]):
        result = place.call("plan", *more, status=2)
        assert not found_in(result.stdout + result.stderr), result.stderr
        assert "mmreg.yaml" in result.stderr


def test_records_of_runs_hold_none() -> None:
    """Whatever a facet is told."""
    quoted = f'"{AWS}", "a:b@c"'
    facets = {"command": ["train", f"--url={URL}", OPENAI], "quoted": quoted, "error": f"Bearer {PLAIN}"}
    run = Run("r1", Job("training", "clip"), RunState.COMPLETE, "", "", facets=facets)
    text = run.to_json()
    assert not found_in(text)
    assert Run.from_json(text).facets["quoted"] == '"***", "a:b@c"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"a {AWS} b", "a *** b"),
        (f"token={HUB}", "token=***"),
        (f"({OPENAI})", "(***)"),
        (f"https://me:{PASSWORD}@h/x", "https://***@h/x"),
        (f"https://h/x?a=1&X-Amz-Signature={SIGNATURE}&b=2", "https://h/x?a=1&X-Amz-Signature=***&b=2"),
        (f"Authorization: Bearer {PLAIN}", "Authorization: Bearer ***"),
        ("ghp_" + "a1" * 18, "***"),
        ("task-force, risk-averse-and-otherwise-fine, disk-1234567890123456789012", None),
        ("hf_model_name, sk-learn, AKIA, https://h:8080/x?a=b, a@b:c, sha256:" + "0a" * 32, None),
    ],
)
def test_what_is_seen_as_a_secret(text: str, shown: str | None) -> None:
    assert redacted(text) == (text if shown is None else shown)
    assert redacted(json.dumps({"a": text})) == json.dumps({"a": redacted(text)})
    assert redacted(redacted(text)) == redacted(text)
    assert not is_token(redacted(text))
