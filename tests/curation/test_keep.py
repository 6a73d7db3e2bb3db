"""Filters of one's own: their answers are columns, the rows that they keep a derived dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation.plan import plan
from mmreg.errors import UsageError

DECLARATION = """
version: 1
project: keeping
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  judge: {{from: pairs, into: good, use: "keeping:Judge", inputs: {{text: caption}}, max_error_rate: 1}}
  some:  {{from: good, into: sampled, use: filter, where: "judge_keep"}}
"""

KEEPING = '''
import os, pathlib
import pyarrow as pa


class Judge:
    """Keeps captions of more than one word; fails on one that is a number."""

    version = "1"
    kind, scope, role = "filter", "row", "filter"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("keep", pa.bool_()), ("reason", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        rows = []
        for text in batch.column("text").to_pylist():
            with pathlib.Path(os.environ["CALLS"]).open("a") as file:
                file.write(text + "\\n")
            if text.isdigit():
                rows.append({"error": "a_number: " + text})
            else:
                keep = " " in text
                rows.append({"keep": keep, "reason": None if keep else "too_short: one word"})
        return pa.RecordBatch.from_pylist(
            rows, pa.schema({"keep": pa.bool_(), "reason": pa.string(), "error": pa.string()})
        )
'''


@pytest.fixture
def keeping(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delitem(sys.modules, "keeping", raising=False)
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "keeping.py").write_text(KEEPING)
    for name, caption in {"a": "one", "b": "two words", "c": "three words here", "d": "17"}.items():
        small.draw(name, caption)
    return small


def captions(small: Any, dataset: str) -> list[str]:
    return sorted(row["caption"] for row in small.open().query(f"{dataset}@latest", columns=["caption"]))


def test_what_it_keeps_is_a_dataset_with_unchanged_cells(keeping: Any) -> None:
    order = [f"{step.kind} {step.name}" for step in plan(keeping.open()).steps]
    assert order == ["ingest pairs", "pass judge", "select judge", "select some"]
    keeping.apply()
    assert captions(keeping, "good") == ["three words here", "two words"]
    assert captions(keeping, "sampled") == ["three words here", "two words"]
    found = {row["caption"]: (row["judge_keep"], row["judge_reason"]) for row in keeping.open().query("pairs@latest")}
    assert found == {
        "one": (False, "too_short: one word"), "two words": (True, None), "three words here": (True, None),
        "17": (None, None),
    }  # fmt: skip
    shown = keeping.open().show("good@latest")
    assert (shown.kind, shown.rows) == ("derived", 2)
    assert {step.outcome for step in keeping.apply().steps} == {"unchanged"}
    assert len(keeping.calls()) == 4


def test_a_new_row_is_asked_about_and_one_that_changes_may_come_back(keeping: Any) -> None:
    keeping.apply()
    keeping.draw("e", "a new one")
    keeping.draw("a", "one and more")
    report = {(step.kind, step.name): step for step in keeping.apply("judge").steps}
    assert set(report) == {("pass", "judge"), ("select", "judge")}
    assert report["pass", "judge"].outcome == "unchanged"  # nothing was ingested
    keeping.apply()
    assert captions(keeping, "good") == ["a new one", "one and more", "three words here", "two words"]
    assert len(keeping.calls()) == 6


def test_why_a_row_was_dropped_is_said_in_the_words_of_the_filter(keeping: Any) -> None:
    keeping.apply()
    ids = {row["caption"]: row["sample_id"] for row in keeping.open().query("pairs@latest")}
    registry = keeping.open()
    assert "too_short: one word" in str(registry.why("good@latest", ids["one"]))
    assert registry.why("good@latest", ids["two words"])


def test_a_filter_says_where_its_rows_go(keeping: Any) -> None:
    file = keeping.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  some:")].replace("into: good, ", ""))
    with pytest.raises(UsageError, match="makes a derived dataset: say which dataset that is"):
        keeping.apply()
