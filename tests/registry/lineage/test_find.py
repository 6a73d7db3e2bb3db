"""What a digest is of, wherever it stands: in the index, among the objects of the lake, in rows."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError

DECLARATION = """
version: 1
project: found
lake: {lake}
models: {{loud: {{uri: weights}}}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image}}, caption: {{type: text}}}}
  albums:
    source: {{type: jsonl, path: albums.jsonl, media_root: images}}
    identity: [name]
    columns: {{name: {{type: string}}, pages: {{type: list, items: image}}}}
passes:
  loud: {{from: pairs, use: "loud:Loud", model: loud, prompt: say.txt, inputs: {{text: caption}}}}
  keep: {{from: pairs, into: train, use: filter, where: "caption = 'one'"}}
"""
LOUD = """
import pyarrow as pa


class Loud:
    version = "1"
    kind, scope, role = "map", "row", "mapper"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("loud", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        return pa.record_batch({"loud": pa.array([text.upper() for text in batch.column("text").to_pylist()])})
"""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def made(project: Callable[..., Any]) -> Any:
    made = project(4, DECLARATION)
    (made.folder / "loud.py").write_text(LOUD)
    (made.folder / "say.txt").write_text("Say it louder.")
    (made.folder / "weights").mkdir()
    (made.folder / "weights" / "w.bin").write_bytes(b"weights")
    pictures = sorted(file.name for file in (made.folder / "images").glob("*.png"))
    (made.folder / "albums.jsonl").write_text(json.dumps({"name": "all", "pages": pictures[:2]}) + "\n")
    made.apply()
    yield made
    sys.modules.pop("loud", None)


def kinds(made: Any, digest: str, **options: Any) -> list[tuple[str, str]]:
    return [(hit.kind, hit.said) for hit in made.open().find(digest, **options).hits]


def test_everything_with_a_digest_is_found_by_it(made: Any) -> None:
    registry = made.open()
    run = registry.catalog.last_run("pass", "loud")
    digest = registry.models()[0].digest
    assert ("checkpoint", "weights") in kinds(made, digest[:8])
    assert kinds(made, f"sha256:{sha(b'weights')}") == [("weights", "its file w.bin")]
    assert kinds(made, sha(b"Say it louder.")) == [("prompt", "the prompt of pass loud")]
    assert kinds(made, run.facets["pass"]["generation"]) == [("generation", "a generation of pass loud")]
    assert kinds(made, run.facets["pass"]["code"][:12]) == [("code", "the code of pass loud")]
    decided = registry.catalog.last_run("select", "keep").facets["select"]["decisions"]["sha256"]
    assert kinds(made, decided) == [("decisions", "what selection keep decided about each row")]
    listing = registry.catalog.last_run("ingest", "pairs").inputs[0].id.rpartition("/")[2]
    (hit,) = registry.find(listing).hits
    assert (hit.kind, hit.ref) == ("source", "source:images")
    version = registry.latest("train")
    (hit,) = registry.find(version.uuid[:8]).hits
    assert (hit.kind, hit.ref) == ("version", "train@v1")


def test_media_and_samples_are_found_in_rows(made: Any) -> None:
    picture = sorted((made.folder / "images").glob("*.png"))[0]
    registry = made.open()
    found = registry.find(sha(picture.read_bytes())[:10])
    assert sorted((hit.kind, hit.ref, hit.said.partition(" ")[0]) for hit in found.hits) == [
        ("media", "albums@v1", "pages"),
        ("media", registry.latest("pairs").ref, "image"),
    ]
    assert found.looked_in == ("albums@v1", registry.latest("pairs").ref)
    sample = next(registry.query("pairs", limit=1))["sample_id"]
    assert [(hit.kind, hit.digest) for hit in registry.find(sample[:9]).hits] == [("sample", sample)]
    assert kinds(made, sample, dataset="pairs@v1")[0][0] == "sample"
    one = next(registry.query("train", limit=1))["sample_id"]
    other = next(row["sample_id"] for row in registry.query("pairs") if row["caption"] != "one")
    assert len(kinds(made, one, dataset="train")) == 1
    with pytest.raises(NotFound, match="nor in the rows of train@v1"):
        registry.find(other, dataset="train")
    with pytest.raises(NotFound, match="rows were not looked at"):
        registry.find(sample, rows=False)


def test_an_object_that_nobody_names_is_found_too(made: Any) -> None:
    from mmreg.registry.objects import put_object

    digest = put_object(made.open().lake.store, b"left behind")
    (hit,) = made.open().find(digest[:12]).hits
    assert (hit.kind, hit.digest) == ("object", digest)


@pytest.mark.parametrize("text", ["sha256:12", "no digest", "", "12345678-9", "a" * 65, "sha256:", "%" * 8])
def test_what_is_no_digest(made: Any, text: str) -> None:
    with pytest.raises(UsageError, match="is no digest"):
        made.open().find(text)


@pytest.mark.parametrize("command", [["orphans"], ["find", "--no-rows", "{digest}"]])
def test_the_index_answers_without_lance(made: Any, command: list[str]) -> None:
    digest = made.open().models()[0].digest
    argv = ["mmreg", *(word.format(digest=digest) for word in command)]
    script = (
        "import sys\nfrom mmreg.__main__ import main\n"
        f"sys.argv = {argv!r}\ntry: main()\nexcept SystemExit as ended: assert not ended.code, ended.code\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    folder: Path = made.folder
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder)
    loaded = set(eval(ended.stdout.splitlines()[-1]))
    assert not loaded & {"lance", "pyarrow", "pydantic", "sqlalchemy", "sqlmodel", "numpy"}
