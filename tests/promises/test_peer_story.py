"""The story that engines are told by: caption, append, swap the model, append again. Nothing is mixed, dropped or paid
for twice, and every call of the captioner is counted by the captioner.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import Any

import lance
import pyarrow as pa
import pytest

from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.schemas.plan import PassStatus, PlanStep
from mmreg.schemas.refs import VersionRef

ROWS = 1000
DECLARATION = """
version: 1
project: story
lake: {lake}
models:
  cap: {{uri: weights.safetensors}}
datasets:
  texts:
    source: {{type: jsonl, path: texts.jsonl}}
    columns:
      text: {{type: text}}
      note: {{type: text, nullable: true}}
passes:
  caption: {{from: texts, use: "teller:Caption", model: cap, inputs: {{text: text}}}}
  often:   {{from: texts, use: "teller:Often", inputs: {{caption: caption}}}}
  notes:   {{from: texts, use: text_stats, inputs: {{text: note}}, rows: "note IS NOT NULL"}}
checks:
  texts:
    - {{check: lineage.single_generation, column: caption}}
"""

TELLER = '''
import collections
import pathlib

import pyarrow as pa

HERE = pathlib.Path(__file__).parent


class Caption:
    """Says what its weights say of each text, and notes that it was asked."""

    version = "1"
    kind, scope, role = "extract", "row", "creator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.model = recipe.model

    def outputs(self):
        return pa.schema([("caption", pa.string())])

    def open(self):
        self.word = self.model.path.read_bytes()[-1:].decode()

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        with (HERE / "calls.log").open("a") as file:
            file.writelines(f"{self.word} {text}\\n" for text in texts)
        return pa.record_batch({"caption": pa.array([f"{self.word}: {text.split()[0]}" for text in texts])})


class Often:
    """How many rows have the same caption."""

    version = "1"
    kind, scope, role = "score", "table", "analyzer"
    inputs = {"caption": "text"}
    allow = ("constant",)

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("often", pa.int32())])

    def open(self):
        pass

    def __call__(self, batch):
        captions = batch.column("caption").to_pylist()
        counts = collections.Counter(captions)
        return pa.record_batch({"often": pa.array([counts[caption] for caption in captions], pa.int32())})
'''


class Story:
    """A project whose captioner counts."""

    def __init__(self, made: Any) -> None:
        self.made, self.told = made, 0
        self.lines: list[str] = []
        (made.folder / "teller.py").write_text(TELLER)
        self.model("A")
        self.append(ROWS)

    def model(self, word: str) -> None:
        header = b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
        weights = len(header).to_bytes(8, "little") + header + word.encode()
        (self.made.folder / "weights.safetensors").write_bytes(weights)

    def append(self, rows: int, text: str = "text{number} to be told") -> None:
        start = len(self.lines)
        self.lines += [f'{{"text": "{text.format(number=start + n)}"}}' for n in range(rows)]
        self.write()

    def write(self) -> None:
        (self.made.folder / "texts.jsonl").write_text("\n".join(self.lines) + "\n")

    def declare(self, before: str, after: str) -> None:
        self.edit("mmreg.yaml", before, after)

    def edit(self, name: str, before: str, after: str) -> None:
        file = self.made.folder / name
        assert before in file.read_text()
        file.write_text(file.read_text().replace(before, after))
        sys.modules.pop("teller", None)

    def apply(self, *select: str) -> int:
        """Do it, and say how many calls that took."""
        self.made.apply(*select)
        log = self.made.folder / "calls.log"
        before, self.told = self.told, len(log.read_text().splitlines()) if log.exists() else 0
        return self.told - before

    def table(self) -> lance.LanceDataset:
        return lance.dataset(str(self.made.folder / "lake" / "texts.lance"))

    def captions(self, ref: str = "texts@latest") -> dict[str, str]:
        rows = self.made.open().query(ref, columns=["text", "caption"])
        return {row["text"]: row["caption"] for row in rows}

    def words(self, ref: str = "texts@latest") -> set[str]:
        """The models whose words are in the column."""
        return {caption.partition(":")[0] for caption in self.captions(ref).values()}

    def digest(self, ref: str) -> str:
        return hashlib.sha256(repr(sorted(self.captions(ref).items())).encode()).hexdigest()

    def latest(self) -> str:
        ref: str = self.made.open().show("texts@latest").ref
        return ref

    def is_pure(self, ref: str = "texts@latest") -> bool:
        report = self.made.open().validate(VersionRef.parse(ref))[0]
        return bool(report.ok)

    def planned(self, name: str = "caption") -> PlanStep:
        (step,) = (step for step in plan(self.made.open(), [name]).steps if step.kind != "check")
        return step

    def status(self) -> PassStatus:
        found: PassStatus = next(s for s in status(self.made.open()).passes if s.name == "caption")
        return found


@pytest.fixture
def story(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.delitem(sys.modules, "teller", raising=False)
    told = Story(project(images=0, declaration=DECLARATION))
    assert told.apply() == ROWS
    assert told.apply() == 0
    assert told.words() == {"A"} and told.is_pure()
    return told


def test_what_is_new_is_called_and_nothing_else(story: Story) -> None:
    story.append(ROWS // 100)
    assert story.planned().rows is None or story.planned().rows == 0, "the rows are not there yet"
    assert story.apply() == ROWS // 100
    assert story.is_pure()
    # A changed cell of the input is one call; one of another column is none.
    story.lines[3] = story.lines[3].replace("to be told", "told otherwise")
    story.lines[4] = story.lines[4].replace("}", ', "note": "a cell beside it"}')
    story.write()
    assert story.apply() == 1
    # Another pass adds columns, plain Lance adds one, compacts and tags: nothing.
    story.declare("checks:\n", '  size: {from: texts, use: text_stats, inputs: {text: text}, outputs: '
                  '{n_chars: a, n_words: b, alpha_ratio: c, digit_ratio: d, upper_ratio: e, non_ascii_ratio: f, '
                  'unique_ratio: g}}\nchecks:\n')  # fmt: skip
    story.apply("size")
    table = story.table()
    table.add_columns({"foreign": "1"})
    table.optimize.compact_files()
    table.tags.create("mine", table.version)
    assert story.planned().rows == 0
    assert story.apply() == 0
    assert story.is_pure()


def test_a_caption_that_comes_again_renews_what_was_counted_of_the_old_ones(story: Story) -> None:
    def often(text: str) -> int:
        (row,) = story.made.open().query("texts@latest", where=f"text = '{text}'", columns=["often"])
        return int(row["often"])

    assert often("text7 to be told") == 1
    story.append(1, "text7 told once more")
    assert story.apply() == 1
    assert often("text7 to be told") == often("text7 told once more") == 2
    assert often("text8 to be told") == 1


def test_a_comment_costs_nothing_and_is_shown(story: Story) -> None:
    story.edit("teller.py", "class Caption:", "# Nothing else has changed.\nclass Caption:")
    found = story.planned()
    assert (found.action, found.rows, found.drifted) == ("nothing", 0, True)
    assert "its code changed and its version did not" in found.notes[0]
    assert story.apply() == 0


def test_another_model_makes_a_version_in_full_and_the_old_one_stays_pure(story: Story) -> None:
    old = story.latest()
    before = story.digest(old)
    story.model("B")
    story.append(ROWS // 100)
    assert story.apply() == ROWS + ROWS // 100
    assert story.words() == {"B"} and story.is_pure()
    assert len(story.captions()) == ROWS + ROWS // 100
    assert story.words(old) == {"A"} and story.is_pure(old)
    assert story.digest(old) == before
    assert story.apply() == 0


def test_a_backfill_is_a_mix_that_is_seen_and_refused(story: Story) -> None:
    story.declare("inputs: {text: text}}\n  often", "inputs: {text: text}, on_change: backfill}\n  often")
    story.model("B")
    assert story.apply() == 0
    story.append(ROWS // 100)
    assert story.apply() == ROWS // 100
    assert story.words() == {"A", "B"}
    assert sorted(story.status().generations.values()) == [ROWS // 100, ROWS]
    assert not story.is_pure()


def test_a_cell_that_plain_lance_overwrote_is_seen_refused_and_put_right(story: Story) -> None:
    story.table().update({"caption": "'B: text5'"}, where="text = 'text5 to be told'")
    found = story.status()
    assert (found.done, found.overwritten, found.stale, found.missing) == (ROWS - 1, 1, 0, 0)
    assert "1 overwritten" in story.planned().reason
    story.append(1)
    story.apply("texts")  # so that there is a version with the foreign cell in it
    (report,) = story.made.open().validate(VersionRef("texts"))
    assert not report.ok and "1 overwritten since" in report.results[0].message
    story.apply()
    assert story.captions()["text5 to be told"] == "A: text5"
    assert story.is_pure()


def test_a_value_that_plain_lance_appended_is_not_the_passs(story: Story) -> None:
    row = story.table().to_table(columns=["sample_id", "text", "_source", "caption"], limit=1).to_pylist()[0]
    row |= {"sample_id": b"\x07" * 16, "text": "text9999 from elsewhere", "caption": "Z: text9999"}
    schema = story.table().schema
    made = pa.Table.from_pylist([row], schema=pa.schema([schema.field(name) for name in row]))
    lance.write_dataset(made, story.table().uri, mode="append")
    assert story.status().overwritten == 1
    assert story.planned().rows == 1
