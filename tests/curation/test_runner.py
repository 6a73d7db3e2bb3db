"""Running a pass: what is staged, lost and found again on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation import engine, pending

DECLARATION = """
version: 1
project: overtaken
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  length: {{from: pairs, use: "overtaken:Length", inputs: {{text: caption}}, rows: "caption IS NOT NULL"}}
"""

OVERTAKEN = """
import pathlib
import pyarrow as pa
import pyarrow.compute as pc


class Length:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}
    calls = 0

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("length", pa.int32())])

    def open(self):
        pass

    def __call__(self, batch):
        Length.calls += 1
        if Length.calls == 2:  # as another process would that believes this one dead
            for file in pathlib.Path(__file__).parent.glob("lake/_mmreg/stage/**/*.arrow"):
                file.unlink()
        return pa.record_batch({"length": pc.utf8_length(batch.column("text"))})
"""


def test_results_that_vanish_before_they_are_published_are_computed_again(
    project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fragment of which only a part could be published is not taken for done."""
    monkeypatch.setattr(pending, "ROWS", 2)
    monkeypatch.setattr(engine, "FLUSH_S", 0.0)
    monkeypatch.delitem(sys.modules, "overtaken", raising=False)
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "overtaken.py").write_text(OVERTAKEN)
    for number in range(7):
        small.draw(f"{number}", "x" * number if number % 3 else None)
    small.apply("pairs")
    assert small.apply("length").steps[0].computed == 4
    assert lengths(small) == {"x": None, "xx": 2, "xxxx": 4, "xxxxx": 5}
    assert small.apply("length").steps[0].computed == 1
    assert lengths(small) == {"x": 1, "xx": 2, "xxxx": 4, "xxxxx": 5}
    assert small.apply("length").steps[0].outcome == "unchanged"


def test_rows_that_are_not_wanted_are_no_batch(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between batches of wanted rows there may be some without any: these are neither called for nor staged."""
    monkeypatch.setattr(pending, "ROWS", 2)
    monkeypatch.setattr(engine, "FLUSH_S", 0.0)
    small = project(images=0, declaration=DECLARATION.replace("overtaken:Length", "counted:Words"))
    for number in range(8):
        small.draw(f"{number}", None if number in (4, 5, 6, 7) else f"caption {number}")
    small.apply()
    assert small.calls() == [f"Words caption {number}" for number in range(4)]


def lengths(small: Any) -> dict[str, int | None]:
    rows = small.open().query("pairs@latest", where="caption IS NOT NULL", columns=["caption", "length"])
    return {row["caption"]: row["length"] for row in rows}
