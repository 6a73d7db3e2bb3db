"""Rows that fail, and passes that do: what is kept, what is tried again, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation import engine, pending, runner
from mmreg.curation.apply import apply
from mmreg.curation.failed import failed_rows
from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import NotFound, PassFailed, UsageError

DECLARATION = """
version: 1
project: shaky
lake: {lake}
datasets:
  texts:
    source: {{type: jsonl, path: texts.jsonl}}
    columns:
      text: {{type: text}}
passes:
  rate: {{from: texts, use: "shaky:Rate", inputs: {{text: text}}, OPTIONS}}
  keep: {{from: texts, into: kept, use: filter, where: "rating > 3"}}
"""

SHAKY = '''
"""Rates texts. What it does with a text is in the file ``moods`` beside it: one word for all, or for some texts."""

import json
import pathlib

import pyarrow as pa

HERE = pathlib.Path(__file__).parent


def note(line):
    with (HERE / "calls.log").open("a") as file:
        file.write(line + "\\n")


class Rate:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("rating", pa.float64()), ("word", pa.string())])

    def open(self):
        pass

    def spent(self):
        return {"tokens_in": 7}

    def __call__(self, batch):
        moods = json.loads((HERE / "moods").read_text())
        ratings, words, errors = [], [], []
        for text in batch.column("text").to_pylist():
            note(text)
            mood = moods.get(text) or moods.get("*")
            tries = (HERE / "calls.log").read_text().splitlines().count(text)
            known = {"nan": float("nan"), "inf": float("inf"), "null": None, "same": 1.0}
            ratings.append(known.get(mood, len(text) + 0.5))
            words.append(None if mood in ("null", "half") else "word" if mood == "same" else text.upper())
            errors.append("503: try later" if mood == "fail" or mood == f"fail {tries}" else None)
            if mood == "raise":
                raise ValueError(f"no {text}")
        columns = {"rating": pa.array(ratings, pa.float64()), "word": pa.array(words, pa.string())}
        if moods.get("*") == "more":
            columns["another"] = pa.array(words, pa.string())
        return pa.record_batch({**columns, "error": pa.array(errors, pa.string())})
'''


class Shaky:
    """A project of texts with a pass that does as it is told."""

    def __init__(self, made: Any) -> None:
        self.made = made
        (made.folder / "shaky.py").write_text(SHAKY)
        self.moods()

    def write(self, *texts: str) -> None:
        lines = "".join(f'{{"text": "{text}"}}\n' for text in texts)
        (self.made.folder / "texts.jsonl").write_text(lines)
        self.made.apply("texts")

    def moods(self, **moods: str) -> None:
        told = {("*" if text == "every" else text): mood for text, mood in moods.items()}
        (self.made.folder / "moods").write_text(json.dumps(told))

    def declare(self, **keys: str) -> None:
        options = ", ".join(f"{name}: {value}" for name, value in keys.items()) or "on_error: skip"
        declared = DECLARATION.replace("OPTIONS", options).format(lake="./lake")
        (self.made.folder / "mmreg.yaml").write_text(declared)

    def rate(self, **options: Any) -> Any:
        (step,) = apply(self.made.open(), ["rate"], **options).steps
        return step

    def calls(self) -> list[str]:
        log = self.made.folder / "calls.log"
        return log.read_text().splitlines() if log.exists() else []

    def ratings(self) -> dict[str, float | None]:
        rows = self.made.open().query("texts@latest", columns=["text", "rating"])
        return {row["text"]: row["rating"] for row in rows}

    def errors(self) -> list[str]:
        return [row.error for row in failed_rows(self.made.open(), "rate")]

    def facet(self) -> dict[str, Any]:
        found: dict[str, Any] = self.made.open().catalog.last_run("pass", "rate").facets["pass"]
        return found


@pytest.fixture
def shaky(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Shaky:
    monkeypatch.setattr(runner, "PAUSE_S", 0.0)
    monkeypatch.delitem(sys.modules, "shaky", raising=False)
    made = Shaky(project(images=0, declaration=DECLARATION.replace("OPTIONS", "on_error: skip")))
    made.write("a", "bb", "ccc")
    return made


def test_an_error_stays_beside_its_row_and_is_listed(shaky: Shaky) -> None:
    shaky.moods(bb="fail")
    assert shaky.rate().errors == 1
    assert shaky.ratings() == {"a": 1.5, "bb": 2.5, "ccc": 3.5}
    (row,) = failed_rows(shaky.made.open(), "rate")
    (there,) = shaky.made.open().query("texts@latest", where="text = 'bb'", columns=["sample_id", "_source.uri"])
    expected = (there["sample_id"], there["_source.uri"], "503: try later", shaky.facet()["generation"])
    assert (row.sample_id, row.source, row.error, row.generation) == expected
    assert shaky.rate().outcome == "unchanged"
    assert len(shaky.calls()) == 3


def test_a_row_that_cannot_be_taken_fails_alone(shaky: Shaky) -> None:
    shaky.moods(bb="raise")
    shaky.rate()
    assert shaky.ratings() == {"a": 1.5, "bb": None, "ccc": 3.5}
    assert shaky.errors() == ["ValueError: no bb"]


def test_only_a_pass_that_is_called_has_errors(shaky: Shaky) -> None:
    assert shaky.errors() == [], "it has not run yet"
    with pytest.raises(UsageError, match="pass keep chooses rows"):
        failed_rows(shaky.made.open(), "keep")
    with pytest.raises(NotFound, match="no pass 'rat'; did you mean 'rate'"):
        failed_rows(shaky.made.open(), "rat")


def test_retry_tries_failed_rows_again_at_once(shaky: Shaky) -> None:
    shaky.declare(on_error="retry")
    shaky.moods(bb="fail 1", ccc="fail 1")
    step = shaky.rate()
    assert (step.computed, step.errors) == (3, 0)
    assert sorted(shaky.calls()) == ["a", "bb", "bb", "ccc", "ccc"]
    assert shaky.errors() == []
    assert shaky.facet()["cost"]["calls"] == 5


def test_retry_gives_up_for_this_run_and_begins_again_with_the_next(shaky: Shaky) -> None:
    shaky.declare(on_error="retry")
    shaky.moods(bb="fail")
    assert shaky.rate().errors == 1
    assert shaky.calls().count("bb") == 1 + runner.RETRIES
    (planned,) = plan(shaky.made.open(), ["rate"]).steps
    assert (planned.action, planned.rows, planned.changes) == ("run", 1, {"failed": 1})
    (told,) = (found for found in status(shaky.made.open()).passes if found.name == "rate")
    assert (told.done, told.failed) == (2, 1)
    shaky.moods()
    assert shaky.rate().computed == 1
    assert shaky.errors() == []
    assert shaky.rate().outcome == "unchanged"
    assert shaky.calls().count("a") == 1


def test_errors_only_computes_failed_rows_and_nothing_else(shaky: Shaky) -> None:
    shaky.moods(bb="fail")
    shaky.rate()
    shaky.moods()
    shaky.write("a", "bb", "ccc", "dddd")
    assert shaky.rate(errors_only=True).computed == 1
    assert shaky.calls() == ["a", "bb", "ccc", "bb"]
    assert shaky.errors() == []
    assert shaky.ratings()["dddd"] is None
    assert shaky.rate(errors_only=True).outcome == "unchanged"
    assert shaky.rate().computed == 1
    assert shaky.calls()[4:] == ["dddd"]


def test_many_that_failed_before_do_not_look_sick_when_tried_again(
    shaky: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmreg.curation.account.TRIAL_ROWS", 1)
    shaky.declare(max_error_rate="0.4")
    shaky.moods(ccc="fail")
    shaky.rate()
    assert shaky.rate(errors_only=True).errors == 1
    shaky.moods(a="fail")
    assert shaky.rate(errors_only=True).errors == 0


def test_on_error_fail_publishes_nothing_and_goes_on_later(shaky: Shaky) -> None:
    shaky.declare(on_error="fail")
    shaky.moods(bb="fail")
    with pytest.raises(PassFailed, match=r"1 rows failed, and on_error is 'fail'\. The last one: 503"):
        shaky.rate()
    assert "rating" not in shaky.made.open().open_version("texts@latest").schema.names
    shaky.moods()
    step = shaky.rate()
    assert (step.computed, shaky.calls()) == (1, ["a", "bb", "ccc", "bb"])


def test_a_sick_run_stops_early_and_keeps_what_was_done(shaky: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmreg.curation.account.TRIAL_ROWS", 10)
    monkeypatch.setattr(pending, "ROWS", 5)
    monkeypatch.setattr(engine, "FLUSH_S", 0.0)
    texts = [f"text {number}" for number in range(100)]
    shaky.write(*texts)
    shaky.declare(max_error_rate="0.2")
    shaky.moods(**{text: "fail" for text in texts[12:]})
    with pytest.raises(PassFailed, match=r"of 20 rows failed, above max_error_rate 0\.2; nothing was published"):
        shaky.rate()
    assert len(shaky.calls()) == 20
    shaky.moods()
    step = shaky.rate()
    assert step.computed == 88, "twelve were done, and what had failed is called again"
    assert len(shaky.calls()) == 20 + 88
    assert shaky.facet()["resumed"] == 12


def test_errors_of_a_run_that_was_well_are_not_tried_again_when_it_goes_on(
    shaky: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROWS", 2)
    monkeypatch.setattr(engine, "FLUSH_S", 0.0)
    shaky.declare(allow="[constant]")
    shaky.write("a", "bb", "ccc", "dddd", "eeeee")
    shaky.moods(bb="fail", eeeee="nan")
    with pytest.raises(PassFailed, match="NaN"):
        shaky.rate()
    assert list((shaky.made.folder / "lake" / "_mmreg" / "stage").rglob("*.arrow"))
    shaky.declare(allow="[constant, nan]")
    step = shaky.rate()
    assert (step.computed, shaky.calls().count("bb")) == (0, 1)
    assert shaky.errors() == ["503: try later"]


@pytest.mark.parametrize(
    ("mood", "allow", "says"),
    [
        ("nan", "nan, constant", "numbers in rating are NaN or infinite"),
        ("inf", "nan, constant", "numbers in rating are NaN or infinite"),
        ("same", "constant", "rating is the same in all of 120 rows"),
        ("null", "empty", "rating is null in all of 120 rows"),
        ("half", "empty", "word is null in all of 120 rows"),
    ],
)
def test_answers_that_no_working_pass_gives_are_refused_unless_allowed(
    shaky: Shaky, mood: str, allow: str, says: str
) -> None:
    shaky.write(*(f"text {'x' * number}" for number in range(120)))
    shaky.moods(every=mood)
    for _ in range(2):  # also where all of it was staged by the run before
        with pytest.raises(PassFailed, match=says) as told:
            shaky.rate()
        assert f"allow: [{allow.partition(',')[0]}]" in (told.value.hint or "")
    assert "rating" not in shaky.made.open().open_version("texts@latest").schema.names
    shaky.declare(allow=f"[{allow}]")
    assert shaky.rate().outcome == "published"
    assert len(shaky.calls()) == 120, "what was computed is kept"


def test_few_rows_may_have_one_answer_in_common(shaky: Shaky) -> None:
    shaky.moods(every="same")
    assert shaky.rate().outcome == "published"


def test_a_column_that_was_not_promised_is_refused(shaky: Shaky) -> None:
    shaky.moods(every="more")
    with pytest.raises(PassFailed, match="answered the column 'another', which it does not promise"):
        shaky.rate()


def test_a_run_tells_what_it_cost(shaky: Shaky) -> None:
    shaky.rate()
    cost = shaky.facet()["cost"]
    assert (cost["calls"], cost["tokens_in"]) == (3, 7)
    assert 0 <= cost["seconds"] < 60
