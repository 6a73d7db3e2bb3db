"""Passes of scope group and table: renewed where a group moved, and nowhere else."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import lance
import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import PassFailed

DECLARATION = """
version: 1
project: grouped
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    identity: [caption]
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  words:  {{from: pairs, use: "grouped:Words", inputs: {{text: caption}}, outputs: {{n_words: n_words}}}}
  often:  {{from: pairs, use: "grouped:Often", inputs: {{words: n_words}}}}
  rank:   {{from: pairs, use: "grouped:Rank", inputs: {{group: n_words, image: image}}}}
"""

GROUPED = '''
import os, pathlib
import pyarrow as pa
import pyarrow.compute as pc


def note(line):
    with pathlib.Path(os.environ["CALLS"]).open("a") as file:
        file.write(line + "\\n")


class Base:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"

    def __init__(self, recipe):
        pass

    def open(self):
        pass


class Words(Base):
    inputs = {"text": "text"}

    def outputs(self):
        return pa.schema([("n_words", pa.int32())])

    def __call__(self, batch):
        words = [len(text.split()) for text in batch.column("text").to_pylist()]
        return pa.record_batch({"n_words": pa.array(words, pa.int32())})


class Often(Base):
    """How many rows have as many words; an update is told what is known."""

    scope = "table"
    inputs = {"words": "any"}

    def outputs(self):
        return pa.schema([("often", pa.int32())])

    def __call__(self, batch):
        note(f"Often {batch.num_rows}")
        words = batch.column("words").to_pylist()
        assert batch.schema.names == ["sample_id", "words"]
        assert batch.column("sample_id").to_pylist() == sorted(batch.column("sample_id").to_pylist())
        return pa.record_batch({"often": pa.array([words.count(w) for w in words], pa.int32())})

    def update(self, rows, known):
        seen = known.column("known").to_pylist()
        note(f"Often {rows.num_rows}, {sum(seen)} known: {sorted(set(known.column('often').to_pylist()) - {None})}")
        assert all(often is None for often, there in zip(known.column("often").to_pylist(), seen) if not there)
        words = rows.column("words").to_pylist()
        return pa.record_batch({"often": pa.array([words.count(w) for w in words], pa.int32())})


class Rank(Base):
    """The place of each picture within its group by width; pictures come as facts without bytes."""

    scope = "group"
    inputs = {"group": "any", "image": "any"}

    def outputs(self):
        return pa.schema([("rank", pa.int32())])

    def __call__(self, batch):
        groups = set(batch.column("group").to_pylist())
        note(f"Rank {groups.pop()}: {batch.num_rows}")
        assert not groups
        cells = batch.column("image").to_pylist()
        assert all(cell["bytes"] is None and cell["width"] == 24 and len(cell["sha256"]) == 32 for cell in cells)
        if batch.num_rows == 4:
            raise ValueError("four are too many")
        return pa.record_batch({"rank": pa.array(range(batch.num_rows), pa.int32())})
'''


@pytest.fixture
def grouped(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Six pictures: three captions of one word, two of two, one of three."""
    monkeypatch.delitem(sys.modules, "grouped", raising=False)
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "grouped.py").write_text(GROUPED)
    for name in ("one", "uno", "eins", "two words", "zwei Worte", "three small words"):
        small.draw(name, name)
    return small


def column(small: Any, name: str) -> dict[str, Any]:
    return {row["caption"]: row[name] for row in small.open().query("pairs@latest", columns=["caption", name])}


def new_calls(small: Any) -> list[str]:
    log = small.folder / "calls.log"
    lines: list[str] = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def test_an_appended_row_renews_the_answers_of_old_rows_and_no_other_group(grouped: Any) -> None:
    grouped.apply()
    assert column(grouped, "often") == {
        "one": 3, "uno": 3, "eins": 3, "two words": 2, "zwei Worte": 2, "three small words": 1,
    }  # fmt: skip
    assert sorted(new_calls(grouped)) == ["Often 6", "Rank 1: 3", "Rank 2: 2", "Rank 3: 1"]
    grouped.draw("deux mots", "deux mots")
    steps = {step.name: step for step in plan(grouped.open()).steps}
    assert steps["pairs"].action == "run"
    report = {step.name: step for step in grouped.apply().steps}
    assert report["words"].computed == 1
    assert report["often"].computed == 7
    assert report["rank"].computed == 3
    assert sorted(new_calls(grouped)) == ["Often 7, 6 known: [1, 2, 3]", "Rank 2: 3"]
    assert column(grouped, "often")["two words"] == 3
    assert {step.outcome for step in grouped.apply().steps} == {"unchanged"}
    assert new_calls(grouped) == []


def test_a_row_that_goes_or_changes_moves_its_group(grouped: Any) -> None:
    grouped.apply()
    new_calls(grouped)
    grouped.erase("uno")
    report = {step.name: step for step in grouped.apply().steps}
    assert (report["often"].computed, report["rank"].computed) == (5, 2)
    assert sorted(new_calls(grouped)) == ["Often 5, 5 known: [1, 2, 3]", "Rank 1: 2"]
    grouped.draw("one", "one", seed=999)  # another picture: rank reads it, often does not
    report = {step.name: step for step in grouped.apply().steps}
    assert report["often"].outcome == "unchanged"
    assert new_calls(grouped) == ["Rank 1: 2"]


def test_nothing_else_moves_a_group(grouped: Any) -> None:
    """Neither an unrelated column, nor a renamed file, nor a tag or a compaction."""
    grouped.apply()
    new_calls(grouped)
    file = grouped.folder / "mmreg.yaml"
    more = '  more: {from: pairs, use: "grouped:Words", inputs: {text: caption}, outputs: {n_words: again}}\n'
    file.write_text(file.read_text() + more)
    (grouped.folder / "images" / "one.png").rename(grouped.folder / "images" / "first.png")
    (grouped.folder / "images" / "one.txt").rename(grouped.folder / "images" / "first.txt")
    report = {step.name: step for step in grouped.apply().steps}
    assert (report["more"].outcome, report["often"].computed, report["rank"].computed) == ("published", 0, 0)
    table = lance.dataset(str(grouped.folder / "lake" / "pairs.lance"))
    table.tags.create("mine", table.version)
    table.optimize.compact_files(target_rows_per_fragment=1000)
    report = {step.name: step for step in grouped.apply().steps}
    assert (report["often"].outcome, report["rank"].outcome) == ("unchanged", "unchanged")
    assert new_calls(grouped) == []


def test_a_cell_that_somebody_overwrote_is_restored_from_what_was_answered(grouped: Any) -> None:
    grouped.apply()
    new_calls(grouped)
    lance.dataset(str(grouped.folder / "lake" / "pairs.lance")).update({"often": "99"}, where="caption = 'one'")
    grouped.open().doctor()
    found = {one.name: one for one in status(grouped.open()).passes}
    assert found["often"].done == 0
    grouped.apply()
    assert new_calls(grouped) == []
    assert column(grouped, "often")["one"] == 3
    assert {step.outcome for step in grouped.apply().steps} == {"unchanged"}


def test_a_group_that_fails_fails_alone(grouped: Any) -> None:
    grouped.draw("solo", "solo")
    file = grouped.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("image: image}}", "image: image}, max_error_rate: 1}"))
    report = {step.name: step for step in grouped.apply().steps}
    assert (report["rank"].computed, report["rank"].errors) == (7, 4)
    assert column(grouped, "rank") == {
        "one": None, "uno": None, "eins": None, "solo": None,
        "two words": column(grouped, "rank")["two words"], "zwei Worte": column(grouped, "rank")["zwei Worte"],
        "three small words": 0,
    }  # fmt: skip
    assert {step.outcome for step in grouped.apply().steps} == {"unchanged"}


def test_only_wanted_rows_make_a_group(grouped: Any) -> None:
    file = grouped.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("{words: n_words}}", "{words: n_words}, rows: \"caption != 'one'\"}"))
    grouped.apply()
    assert column(grouped, "often")["uno"] == 2
    assert column(grouped, "often")["one"] is None
    new_calls(grouped)
    grouped.erase("one")
    report = {step.name: step for step in grouped.apply().steps}
    assert report["often"].outcome == "unchanged"


def test_what_is_staged_is_not_called_for_again(grouped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash before publishing; then one group moves."""
    from mmreg.curation import runner

    def crash(*_: Any) -> None:
        raise PassFailed("the machine stops here")

    grouped.apply("pairs", "words", "often")
    with monkeypatch.context() as crashing:
        crashing.setattr(runner, "publish_pass", crash)
        with pytest.raises(PassFailed, match="stops here"):
            grouped.apply("rank")
    assert sorted(new_calls(grouped)) == ["Often 6", "Rank 1: 3", "Rank 2: 2", "Rank 3: 1"]
    grouped.draw("deux mots", "deux mots")
    grouped.apply("pairs", "words")
    report = grouped.apply("rank").steps[0]
    assert (report.computed, report.rows) == (3, 7)
    assert new_calls(grouped) == ["Rank 2: 3"]
    assert sorted(rank for rank in column(grouped, "rank").values()) == [0, 0, 0, 1, 1, 2, 2]


def test_a_changed_recipe_renews_every_group_without_what_is_known(grouped: Any) -> None:
    grouped.apply()
    new_calls(grouped)
    code = grouped.folder / "grouped.py"
    code.write_text(code.read_text().replace('version = "1"', 'version = "2"'))
    sys.modules.pop("grouped")
    found = {one.name: one for one in status(grouped.open()).passes}
    assert (found["often"].stale, found["often"].done) == (6, 0)
    grouped.apply()
    assert sorted(new_calls(grouped)) == ["Often 6", "Rank 1: 3", "Rank 2: 2", "Rank 3: 1"]


def test_many_small_groups_are_read_together(grouped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmreg.curation import group_portions

    monkeypatch.setattr(group_portions, "PORTION_ROWS", 3)
    grouped.apply()
    assert sorted(call for call in new_calls(grouped) if "Rank" in call) == ["Rank 1: 3", "Rank 2: 2", "Rank 3: 1"]
    assert sorted(rank for rank in column(grouped, "rank").values()) == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_changes_ends_as_computed_at_once(grouped: Any, seed: int) -> None:
    """Rows come, go and change; others compact, overwrite and delete; and an apply may come after several of these."""
    random = Random(seed)
    lake = str(grouped.folder / "lake" / "pairs.lance")
    captions = {name: name for name in ("one", "uno", "eins", "two words", "zwei Worte", "three small words")}
    grouped.apply()
    for step in range(10):
        match random.choice(["add", "add", "erase", "edit", "repaint", "compact", "overwrite"]):
            case "add":
                captions[f"{step}"] = " ".join(f"w{step}" for _ in range(random.randrange(1, 4)))
                grouped.draw(f"{step}", captions[f"{step}"] + f" {step}")
                captions[f"{step}"] += f" {step}"
            case "erase" if len(captions) > 1:
                name = random.choice(sorted(captions))
                grouped.erase(name)
                del captions[name]
            case "edit":
                name = random.choice(sorted(captions))
                captions[name] += " more"
                grouped.draw(name, captions[name])
            case "repaint":
                name = random.choice(sorted(captions))
                grouped.draw(name, captions[name], seed=step * 1000 + seed)
            case "compact":
                lance.dataset(lake).optimize.compact_files(target_rows_per_fragment=1000)
            case "overwrite":
                lance.dataset(lake).update({"often": "77"}, where="n_words = 2")
        if random.random() < 0.6:
            grouped.apply()
    grouped.apply()
    lengths = {caption: len(caption.split()) for caption in captions.values()}
    counts = Counter(lengths.values())
    assert column(grouped, "often") == {caption: counts[n] for caption, n in lengths.items()}
    ranks = column(grouped, "rank")
    for n, count in counts.items():
        of_group = sorted(str(ranks[caption]) for caption in lengths if lengths[caption] == n)
        assert of_group == (["None"] * 4 if count == 4 else [str(place) for place in range(count)])
    new_calls(grouped)
    assert {step.outcome for step in grouped.apply().steps} == {"unchanged"}
    assert new_calls(grouped) == []


def test_a_file_renamed_beside_a_row_that_failed(grouped: Any) -> None:
    """What was answered for the others is there; the row with an error is asked about again, with its whole table."""
    code = grouped.folder / "grouped.py"
    failing = 'return pa.record_batch({"often": pa.array([words.count(w) for w in words], pa.int32())})'
    told = failing.replace("})", ', "error": [None if w < 3 else "many" for w in words]})')
    code.write_text(code.read_text().replace(failing, told))
    grouped.apply()
    grouped.draw("first", "one")
    grouped.erase("one")
    for _ in range(2):
        grouped.apply()
        assert column(grouped, "often") == {
            "one": 3, "uno": 3, "eins": 3, "two words": 2, "zwei Worte": 2, "three small words": 1,
        }  # fmt: skip
        found = {one.name: one for one in status(grouped.open()).passes}
        assert (found["often"].done, found["often"].failed) == (5, 1)
    assert {step.outcome for step in grouped.apply().steps} == {"unchanged"}


def test_only_groups_with_errors_are_computed_again_where_that_is_asked(grouped: Any) -> None:
    grouped.draw("solo", "solo")
    file = grouped.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("image: image}}", "image: image}, max_error_rate: 1}"))
    grouped.apply()
    new_calls(grouped)
    grouped.draw("deux mots", "deux mots")
    grouped.apply("pairs", "words")
    os.environ["CALLS"] = str(grouped.folder / "calls.log")
    apply(grouped.open(), ["rank"], errors_only=True)
    assert new_calls(grouped) == ["Rank 1: 4"]
    grouped.apply("rank")
    assert new_calls(grouped) == ["Rank 2: 3"]
