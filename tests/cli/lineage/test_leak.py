"""Leaks planted in a small project of pictures: each kind is found with its count, what is clear is called clear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from golden_lakes import Scene
from PIL import Image

from mmreg.errors import NotFound, UsageError
from mmreg.registry.api import Registry

DECLARATION = """
datasets:
  pairs:
    source: {type: imagefolder, path: pairs}
    columns: {image: {type: image}, caption: {type: text, nullable: true}}
  bench: {source: {type: imagefolder, path: bench}, columns: {image: {type: image}, caption: {type: text}}}
  far: {source: {type: imagefolder, path: far}, columns: {image: {type: image}, said: {type: text, nullable: true}}}
passes:
  stats: {from: pairs, use: image_stats, inputs: {image: image}}
  bench_stats: {from: bench, use: image_stats, inputs: {image: image}, outputs: {phash: look}}
  vectors: {from: pairs, use: "vectors:Vectors", inputs: {text: caption}}
  bench_vectors: {from: bench, use: "vectors:Vectors", inputs: {text: caption}, outputs: {vector: meaning}}
  words: {from: pairs, into: words, use: "vectors:Words", inputs: {text: caption}}
  parts: {from: pairs, into: parts, use: split, params: {test: 0.5, seed: 3}}
"""

VECTORS = '''
"""Texts as vectors: how often each vowel is in them."""

import pyarrow as pa


class Vectors:
    version = "1"
    kind, scope, role = "extract", "row", "extractor"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("vector", pa.list_(pa.float32(), 5))])

    def open(self):
        pass

    def __call__(self, batch):
        rows = [[float(text.lower().count(vowel)) for vowel in "aeiou"] if text else None
                for text in batch.column("text").to_pylist()]
        return pa.record_batch({"vector": pa.array(rows, pa.list_(pa.float32(), 5))})


class Words(Vectors):
    kind, role, makes_rows = "map", "mapper", True

    def outputs(self):
        return pa.schema([("word", pa.string())])

    def __call__(self, batch):
        rows = [{"_row": row, "word": word}
                for row, text in enumerate(batch.column("text").to_pylist()) for word in text.split()[:2]]
        return pa.RecordBatch.from_pylist(rows, pa.schema({"_row": pa.int32(), "word": pa.string()}))
'''

CAPTIONS = ("a red kite", "two dogs run", "rain on tin", "the old map", "a violin case", "low tide at night")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """``bench`` has four rows: the first picture of ``pairs`` under another caption, its second picture a little
    brighter, a picture of its own with its third caption in capitals, and one that is all its own."""
    made = Scene(tmp_path_factory.mktemp("leak"))
    for number, caption in enumerate(CAPTIONS):
        picture(made.folder / "pairs", f"{number}", number, caption)
    picture(made.folder / "bench", "same", 0, "uuuu uu")
    picture(made.folder / "bench", "near", 1, "iiii oo", brighter=3)
    picture(made.folder / "bench", "words", 90, "RAIN, on tin!")
    picture(made.folder / "bench", "own", 91, "yyy y")
    picture(made.folder / "far", "a", 70, None)
    (made.folder / "vectors.py").write_text(VECTORS)
    made.declare(DECLARATION)
    return made


def picture(folder: Path, name: str, seed: int, caption: str | None, brighter: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    image = Image.effect_noise((8, 8), 90)
    image.putdata([(seed * 7919 * (place + 3) ** 2) % 240 + brighter for place in range(64)])
    image.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    if caption is not None:
        (folder / f"{name}.txt").write_text(caption)


def found(answer: Any) -> dict[tuple[str, str], int | None]:
    return {(one["how"], one["what"]): one["count"] for one in answer["found"]}


def test_rows_that_are_the_same_or_nearly(scene: Scene) -> None:
    leak = scene.json("lineage", "leak", "--train", "pairs@latest", "--eval", "bench@latest", "--check", status=1)
    assert found(leak) == {
        ("media", "image"): 1,
        ("text", "caption"): 1,
        ("hash", "look and phash"): 2,
        ("embedding", "meaning and vector"): 1,
    }
    assert (leak["ok"], leak["train_rows"], leak["evaluation_rows"]) == (False, 6, 4)
    assert all(one["share"] == one["count"] / 4 for one in leak["found"])
    media = leak["found"][0]
    (example,) = media["examples"]
    reader = Registry.open(scene.folder).open_version("bench@latest")
    same = next(row for row in reader.to_arrow(["sample_id", "caption"]).to_pylist() if row["caption"] == "uuuu uu")
    assert example["sample_id"] == same["sample_id"].hex()
    assert media["way"] == [], "they have nothing in common but the picture"
    assert "sample_id" in leak["compared"]


def test_how_near_is_near_can_be_said(scene: Scene) -> None:
    asked = ("lineage", "leak", "--train", "pairs@latest", "--eval", "bench@latest")
    exact = scene.json(*asked, "--max-distance", "0", "--min-similarity", "-0.99")
    assert found(exact)["embedding", "meaning and vector"] == 3, "one has no vowel, which has no direction"
    assert found(exact)["hash", "look and phash"] <= 2
    scene.text(*asked, "--max-distance", "13", status=2)


def test_two_splits_of_one_dataset_are_apart(scene: Scene) -> None:
    apart = scene.json("lineage", "leak", "--train", "parts@v1:train", "--eval", "parts@v1:test", "--check")
    assert apart["ok"] and not apart["found"]
    assert apart["train_rows"] + apart["evaluation_rows"] == 6
    assert apart["train"] == "parts@v1:train"
    whole = scene.json("lineage", "leak", "--train", "parts@v1", "--eval", "parts@v1:test", "--check", status=1)
    assert found(whole)["sample_id", "sample_id"] == whole["evaluation_rows"]
    root = scene.json("lineage", "leak", "--train", "pairs@latest", "--eval", "parts@v1:test")
    (same, *_) = root["found"]
    assert same["way"][0] == "parts@v1" and "select parts" in same["way"] and same["way"][-1].startswith("pairs@")


def test_rows_that_were_made_of_the_evaluation_set(scene: Scene) -> None:
    leak = scene.json("lineage", "leak", "--train", "words@latest", "--eval", "parts@v1:test")
    assert found(leak) == {("parent", "parent"): leak["evaluation_rows"]}
    assert leak["found"][0]["way"][-2:] == ["pass words", "words@v1"]
    assert "parent" in leak["compared"]


def test_nothing_to_compare_is_said(scene: Scene) -> None:
    clear = scene.json("lineage", "leak", "--train", "far@v1", "--eval", "bench@latest", "--check")
    assert clear["ok"]
    assert clear["not_compared"].keys() == {"hash", "embedding"}
    text = scene.text("lineage", "leak", "--train", "far@v1", "--eval", "bench@latest")
    assert "nothing found" in text and "no hash was made in the same way on both sides" in text


def test_a_model_and_what_it_really_saw(scene: Scene) -> None:
    """A training that kept its list of samples: half of the split leaked, not all of it."""
    with Registry.open(scene.folder) as registry:
        with registry.training("half", ["parts@v1"]) as job:
            test = registry.open_version("parts@v1", "test").to_arrow(["sample_id"])["sample_id"]
            job.saw(test.slice(0, 1))
            job.save(scene.folder / scene.weights("half"))
        with registry.training("clear", ["parts@v1:train"]) as job:
            job.save(scene.folder / scene.weights("clear"))
    half = scene.json("lineage", "leak", "--train", "model:half", "--eval", "parts@v1:test")
    assert found(half)["sample_id", "sample_id"] == 1 and half["train_rows"] == 1
    assert half["found"][0]["way"][-2:] == ["training half", half["train"]]
    clear = scene.json("lineage", "leak", "--train", "model:clear", "--eval", "parts@v1:test", "--check")
    assert clear["ok"]


def test_a_teacher_that_learned_from_the_evaluation_set(scene: Scene) -> None:
    """It has left no row of it in what it distilled, but what it knows."""
    with Registry.open(scene.folder) as registry:
        with registry.training("teacher", ["bench@latest"]) as job:
            job.save(scene.folder / scene.weights("teacher"))
        with registry.training("student", ["far@latest"], init_from="teacher") as job:
            job.save(scene.folder / scene.weights("student"))
    leak = scene.json("lineage", "leak", "--train", "model:student", "--eval", "bench@latest", "--check", status=1)
    assert found(leak) == {("training", "teacher"): 4}
    (one,) = leak["found"]
    assert one["share"] == 1.0 and len(one["examples"]) == 4
    assert [step.partition("@")[0] for step in one["way"]] == [
        "bench", "training teacher", "model teacher", "training student", "model student",
    ]  # fmt: skip
    graph = scene.json("lineage", "leak", "--train", "model:student", "--eval", "bench@latest", "--no-rows")
    assert found(graph) == {("training", "teacher"): None} and graph["train_rows"] is None


def test_what_makes_no_sense(scene: Scene) -> None:
    with Registry.open(scene.folder) as registry:
        with pytest.raises(UsageError, match="no version of a dataset"):
            registry.leak("pairs", "model:teacher")
        with pytest.raises(UsageError, match="neither data nor a model"):
            registry.leak("source:pairs", "bench")
        with pytest.raises(NotFound, match="no dataset 'bnech'; did you mean 'bench'"):
            registry.leak("pairs", "bnech")
        with pytest.raises(NotFound, match="split"):
            registry.leak("parts@v1:nothing", "bench")
        registry.model_add(scene.folder / scene.weights("found"), "found")
        with pytest.raises(NotFound, match="no data that it was trained on is recorded"):
            registry.leak("model:found", "bench")
        assert registry.leak("model:found", "bench", rows=False).ok


@pytest.mark.parametrize("command", ["boost pairs@latest", "leak --train pairs@latest --eval bench@latest"])
def test_the_graph_alone_needs_no_lance(scene: Scene, command: str) -> None:
    code = (
        "import sys\nfrom mmreg.__main__ import main\n"
        f"sys.argv = ['mmreg', '-C', {str(scene.folder)!r}, 'lineage', *{command.split()!r}, '--no-rows', '--json']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'lance', 'pyarrow', 'pydantic', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
