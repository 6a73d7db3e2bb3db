"""Annotations by people: read from what their tools write, counted once, known as theirs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.curation.annotation_files import read_annotations
from mmreg.curation.annotations import Annotations, pseudonym
from mmreg.curation.protocol import Recipe
from mmreg.errors import Conflict, UsageError
from mmreg.schemas.erasure import Asked, ErasureReport

DECLARATION = """
version: 1
project: judged
lake: {lake}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [text]
    columns: {{text: {{type: text}}, rank: {{type: float}}}}
passes:
  judged:
    from: notes
    use: annotations
    params: {{path: labels.jsonl, columns: {{quality: int, better: text}}}}
    inputs: {{text: text}}
  best: {{from: notes, into: best, use: filter, where: quality >= 4}}
"""
TEXTS = ("one", "two", "three", "four")


class Judged:
    def __init__(self, small: Any) -> None:
        self.small = small
        self.folder: Path = small.folder
        lines = [json.dumps({"text": text, "rank": 0.5}) for text in TEXTS]
        (self.folder / "notes.jsonl").write_text("\n".join(lines) + "\n")

    def labels(self, *records: Mapping[str, Any], name: str = "labels.jsonl") -> None:
        (self.folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))

    def edit(self, old: str, new: str) -> None:
        file = self.folder / "mmreg.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def apply(self) -> dict[str, Any]:
        return {step.name: step for step in self.small.apply("notes", "judged").steps}

    def rows(self, *columns: str) -> dict[str, tuple[Any, ...]]:
        found = self.small.open().open_version("notes@latest").to_arrow(["text", *columns]).to_pylist()
        return {row["text"]: tuple(row[column] for column in columns) for row in found}

    def run(self) -> Any:
        return self.small.open().catalog.last_run("pass", "judged")


@pytest.fixture
def judged(project: Callable[..., Any]) -> Judged:
    return Judged(project(images=0, declaration=DECLARATION))


def said(text: str, quality: object, who: str = "mia", minutes: float = 1.0, **more: object) -> dict[str, Any]:
    return {"text": text, "quality": quality, "annotator": who, "minutes": minutes, **more}


def test_what_people_said_becomes_columns_with_who_said_it(judged: Judged) -> None:
    judged.labels(said("one", 4, better="uno"), said("two", 2, who="ben", minutes=2.5))
    judged.apply()
    mia, ben = pseudonym("mia"), pseudonym("ben")
    assert judged.rows("quality", "better", "judged_annotator") == {
        "one": (4, "uno", mia),
        "two": (2, None, ben),
        "three": (None, None, None),
        "four": (None, None, None),
    }
    run = judged.run()
    people = sorted(run.facets["annotators"], key=lambda one: one["minutes"])
    assert people == [
        {"kind": "human", "name": mia, "rows": 1, "minutes": 1.0},
        {"kind": "human", "name": ben, "rows": 1, "minutes": 2.5},
    ]
    assert run.facets["cost"] == {"human_min": 3.5}
    (source,) = [used for used in run.inputs if used.kind == "source"]
    assert (source.ref, source.role) == ("labels.jsonl", "used")
    everything = b"".join(file.read_bytes() for file in (judged.folder / "lake").rglob("*") if file.is_file())
    assert b"mia" not in everything
    assert judged.small.open().fsck().ok


def test_nothing_is_read_again_until_the_file_changes_and_minutes_count_once(judged: Judged) -> None:
    first = said("one", 4), said("two", 2, minutes=2)
    judged.labels(*first)
    judged.apply()
    assert judged.apply()["judged"].outcome == "unchanged"
    (judged.folder / "labels.jsonl").rename(judged.folder / "round1.jsonl")
    judged.edit("labels.jsonl", "round1.jsonl")
    assert judged.apply()["judged"].outcome == "unchanged"
    judged.labels(*first, said("three", 5, minutes=4), name="round1.jsonl")
    assert judged.apply()["judged"].computed == len(TEXTS)
    assert judged.rows("quality") == {"one": (4,), "two": (2,), "three": (5,), "four": (None,)}
    run = judged.run()
    assert run.facets["cost"] == {"human_min": 4.0}
    assert [(one["rows"], one["minutes"]) for one in run.facets["annotators"]] == [(3, 4.0)]
    assert (run.facets["annotations"]["count"], run.facets["annotations"]["new"]) == (3, 1)
    registry = judged.small.open()
    assert registry.cost("notes@latest").total.amounts["human_min"].value == 7.0
    assert registry.boost("notes@latest").mode == "human"


def test_the_latest_annotation_of_a_sample_counts(judged: Judged) -> None:
    judged.labels(
        said("one", 5, at="2026-11-20T10:00:00+02:00"),
        said("one", 1, who="ben", at="2026-11-20T07:59:00Z"),
        said("two", 1),
        said("two", 3, who="ben"),
    )
    judged.apply()
    assert judged.rows("quality", "judged_annotator") == {
        "one": (5, pseudonym("mia")),
        "two": (3, pseudonym("ben")),
        "three": (None, None),
        "four": (None, None),
    }
    assert judged.run().facets["cost"] == {"human_min": 4.0}


def test_a_value_of_another_type_is_an_error_of_its_row(judged: Judged) -> None:
    judged.labels(said("one", "good"), said("two", "4"), said("three", 4.0))
    step = judged.apply()["judged"]
    assert step.errors == 1
    assert judged.rows("quality")["two"] == judged.rows("quality")["three"] == (4,)
    cell = judged.small.open().why("notes", judged.small.open().query("notes").__next__()["sample_id"], "quality").cell
    assert (cell.state, cell.maker.file) == ("failed", "labels.jsonl")
    assert cell.error.startswith("unfit_annotation: labels.jsonl:1:")


def test_annotations_about_no_sample_are_told(judged: Judged) -> None:
    judged.labels(said("one", 4), said("nine", 4), said("ten", 4))
    assert "2 of the annotations about no sample" in judged.apply()["judged"].message
    assert judged.run().facets["annotations"]["unmatched"] == 2


def test_the_key_may_be_the_sample_id(judged: Judged) -> None:
    judged.small.apply("notes")
    ids = {row["text"]: row["sample_id"] for row in judged.small.open().query("notes")}
    judged.edit("    inputs: {text: text}\n", "")
    judged.labels({"sample_id": ids["two"], "quality": 5})
    judged.apply()
    assert judged.rows("quality", "judged_annotator")["two"] == (5, None)
    assert [one["name"] for one in judged.run().facets["annotators"]] == [None]


def test_an_erased_sample_takes_its_annotation_with_it(judged: Judged) -> None:
    judged.labels(said("one", 4, better="something else than one"), said("two", 3, who="ben"))
    judged.apply()
    report = judged.small.open().erase(Asked("notes", where="text = 'one'"))
    assert isinstance(report, ErasureReport) and report.ok, report
    assert judged.rows("quality", "judged_annotator")["two"] == (3, pseudonym("ben"))
    assert "one" not in judged.rows("quality")
    assert judged.apply()["judged"].outcome == "unchanged"


def test_an_interrupted_run_counts_no_minutes(judged: Judged) -> None:
    judged.labels(*(said(text, "bad") for text in TEXTS))
    with pytest.raises(Exception, match="of 4 rows failed"):
        judged.apply()
    assert judged.small.open().runs("pass")[0].facets.get("cost") is None
    judged.labels(*(said(text, 4) for text in TEXTS))
    judged.apply()
    assert judged.run().facets["cost"] == {"human_min": 4.0}


def test_a_pass_waits_for_its_file_and_no_other_does(judged: Judged) -> None:
    judged.edit("passes:", "passes:\n  stats: {from: notes, use: text_stats, inputs: {text: text}}")
    steps = {step.name: step for step in judged.small.apply("notes", "judged", "stats").steps}
    assert (steps["judged"].outcome, steps["stats"].outcome) == ("blocked", "published")
    assert steps["judged"].message == "waits for labels.jsonl, which is not there yet"
    judged.labels(said("one", 4))
    assert judged.apply()["judged"].outcome == "published"


LATE = """
from pathlib import Path

from mmreg.curation.annotations import Annotations


class Late(Annotations):
    def open(self):
        Path(self._paths[0]).write_text('{"text": "one", "quality": 1}\\n')
        super().open()
"""


def test_a_file_that_changes_while_it_is_read_publishes_nothing(judged: Judged) -> None:
    (judged.folder / "late.py").write_text(LATE)
    judged.edit("use: annotations", 'use: "late:Late"')
    judged.labels(said("one", 4))
    with pytest.raises(Conflict, match=r"labels\.jsonl has changed while it was read"):
        judged.apply()
    judged.edit('use: "late:Late"', "use: annotations")
    judged.labels(said("one", 4))
    judged.apply()
    assert judged.rows("quality")["one"] == (4,)
    sys.modules.pop("late", None)


def test_what_is_wrong_with_a_file_or_a_declaration_is_said_with_its_place(judged: Judged, tmp_path: Path) -> None:
    for text, wrong in (
        ("{\n", "labels.jsonl:1:"),
        ('{"quality": 3}\n', "there is no 'text', which tells the sample"),
        ('{"text": "one", "minutes": -1}\n', "minutes is -1, where a number of 0 or more is due"),
        ('{"text": "one", "at": "yesterday"}\n', "'yesterday' is no time"),
    ):
        (judged.folder / "labels.jsonl").write_text(text)
        with pytest.raises(UsageError, match=wrong):
            judged.apply()
    for params, wrong in (
        ({"columns": {"quality": "integer"}}, "'integer' is no type"),
        ({"columns": {"annotator": "text"}}, "is a column of its own"),
        ({"columns": {"quality": "int"}, "fields": {"qualty": "q"}}, "did you mean 'quality'"),
        ({"names": "real"}, "'names' is 'real'"),
        ({"file": "x"}, "no param 'file'"),
    ):
        with pytest.raises(UsageError, match=wrong):
            Annotations(Recipe(params=params, columns={"text": "text"}))


# Files


def read(path: Path, *key: str, **fields: str) -> list[Any]:
    return list(read_annotations([path], key or ("id",), fields))


def test_all_kinds_of_files_say_the_same(tmp_path: Path) -> None:
    records = [{"id": "a", "good": "yes", "annotator": "7", "minutes": 2}, {"id": "b", "good": "no"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "a.json").write_text(json.dumps(records))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    for suffix, dialect in (("csv", "excel"), ("tsv", "excel-tab")):
        with (tmp_path / f"a.{suffix}").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(records[0]), dialect=dialect)
            writer.writeheader()
            writer.writerows(records)
    for file in tmp_path.iterdir():
        found = [(one.key, one.values["good"], one.annotator, one.minutes, one.at) for one in read(file)]
        assert found == [(("a",), "yes", "7", 2.0, ""), (("b",), "no", None, 0.0, "")], file
    (tmp_path / "a.csv").write_text("id,good\na\n")
    with pytest.raises(UsageError, match="another number of fields"):
        read(tmp_path / "a.csv")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UsageError, match=r"not from '\.txt'"):
        read(tmp_path / "a.txt")


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    def part(name: str, kind: str, value: object, within: str | None = None) -> dict[str, Any]:
        return {"from_name": name, "to_name": "image", "type": kind, "value": {within or kind: value}}

    tasks = [
        {
            "id": 1,
            "data": {"sample_id": "ab", "image": "s3://x/1.png"},
            "annotations": [
                {
                    "completed_by": {"id": 3, "email": "mia@example.org"},
                    "result": [
                        part("quality", "rating", 4),
                        part("tags", "choices", ["cat", "red"]),
                        part("kind", "choices", ["photo"]),
                        part("caption", "textarea", ["A red cat."], "text"),
                        part("better", "pairwise", "left", "selected"),
                        part("place", "taxonomy", [["Europe", "Bern"]]),
                        {"from_name": "box", "type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["cat"]}},
                        {"type": "relation", "from_id": "a", "to_id": "b"},
                    ],
                    "lead_time": 90.0,
                    "was_cancelled": False,
                    "created_at": "2026-11-20T10:00:00.000000Z",
                    "updated_at": "2026-11-20T11:00:00.000000Z",
                },
                {"completed_by": 5, "result": [], "lead_time": 30, "was_cancelled": True},
            ],
            "predictions": [{"result": [part("quality", "rating", 1)]}],
        },
        {"id": 2, "data": {"sample_id": "cd"}, "annotations": []},
    ]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    done, skipped = read(tmp_path / "export.json", "sample_id")
    assert (done.key, done.annotator, done.minutes) == (("ab",), "mia@example.org", 1.5)
    assert done.at == "2026-11-20T11:00:00.000000+00:00"
    wanted = {"quality": 4, "tags": ["cat", "red"], "kind": "photo", "caption": "A red cat.", "place": "Europe / Bern"}
    wanted["better"] = "left"
    assert {name: done.values[name] for name in wanted} == wanted
    assert json.loads(done.values["box"]) == {"x": 1, "rectanglelabels": ["cat"]}
    assert (skipped.values, skipped.annotator, skipped.minutes) == (None, "5", 0.5)


def test_other_names_of_fields(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"item": "a", "who": "x", "sec": 30}\n')
    (one,) = read(tmp_path / "a.jsonl", "text", text="item", annotator="who", seconds="sec")
    assert (one.key, one.annotator, one.minutes) == (("a",), "x", 0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from("xy")), max_size=12))
def test_whatever_the_order_of_files_the_answer_is_that_of_the_latest(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    records = [
        {"text": text, "quality": place, "annotator": who, "at": f"2026-01-01T00:00:{place:02}Z"}
        for place, (text, _, who) in enumerate(asked)
    ]
    for number, part in enumerate((records[1::2], records[::2])):
        (folder / f"{number}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in part))
    params = {"columns": {"quality": "int"}, "names": "given"}
    paths = tuple(sorted(folder.iterdir()))
    operator = Annotations(Recipe(params=params, columns={"text": "text"}, files={"path": paths}))
    operator.open()
    rows = operator(pa.record_batch({"text": pa.array(["a", "b", "c"])})).to_pylist()
    last = {record["text"]: record for record in records}
    wanted = [(last[text]["quality"], last[text]["annotator"]) if text in last else (None, None) for text in "abc"]
    assert [(row["quality"], row["annotator"]) for row in rows] == wanted
