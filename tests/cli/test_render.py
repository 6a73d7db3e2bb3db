"""What each kind of answer looks like, and that no data in it can steer a terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
from typing import Any

import pytest

from mmreg.cli.output import Output
from mmreg.cli.render.errands import Drawing, Named, Rebuilt
from mmreg.cli.render.markdown import markdown
from mmreg.cli.render.rows import Rows
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.detail import ColumnDetail, Diff, VersionDetail
from mmreg.schemas.finding import DoctorReport, Finding
from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.plan import (
    ApplyReport,
    Dropped,
    Estimate,
    PassStatus,
    Plan,
    PlanStep,
    Sample,
    Status,
    StepResult,
)
from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput
from mmreg.schemas.summary import Created, DatasetSummary, LogEntry, ModelSummary

AT = "2026-11-22T03:15:01.000001+00:00"
SUMMARY = DatasetSummary("pairs", "root", "pairs@v2", "pairs@v3", True, 8101, 20, 3, AT)
ENTRY = LogEntry("pairs@v2", "u", AT, "pass stats", 8101, 20, ("width", "_source"), "r", True)
VERSION = VersionDetail(
    ref="pairs@v2",
    dataset="pairs",
    version=2,
    uuid="u-1",
    kind="root",
    rows=8101,
    rejected=21,
    lance_version=4,
    uri="/lake/pairs.lance",
    open_with="lance.dataset('/lake/pairs.lance', version=4)",
    created_at=AT,
    run="r-1",
    job="pass stats",
    promoted=True,
    license="cc0-1.0",
    columns=(ColumnDetail("image", "image", "source"), ColumnDetail("width", "int32", "stats", "r-1")),
    splits={"train": 7000, "test": 1101},
    rejected_reasons={"pixel_limit": 20, "not_an_image": 1},
    cost={"calls": 8101, "seconds": 120.4, "tokens_in": 900, "tokens_out": 100, "money": 1.5},
    rejected_records=({"source": "a.png", "reason": "pixel_limit", "detail": "20990 x 29700"},),
)
DIFF = Diff(
    "pairs@v1",
    "pairs@v2",
    ("width",),
    ("old",),
    {"score": ("float", "double")},
    3,
    1,
    {"caption": 7, "image": 0},
    ("00ff", "11ff"),
    ("22ff",),
)
STEPS = (
    PlanStep("ingest", "pairs", "run", "13 added", "pairs", 13, {"added": 13}),
    PlanStep("pass", "stats", "nothing", "every row is done", "pairs", 0),
    PlanStep("pass", "clip", "blocked", "waits for the model clip", "pairs"),
    PlanStep("training", "clip", "stale", "trained on train@v1, now v2", "train"),
)
DEAR = Plan(
    (
        PlanStep("schema", "pairs", "run", "column a is renamed b", "pairs", verb="~"),
        PlanStep(
            "pass", "recap", "run", "1,200 missing", "pairs", 1200, {"missing": 1200},
            estimate=Estimate(1200, 3000.0, 3.5, "from run r-1"), notes=("declared differently",),
            sample=Sample(20, 1, ({"recaption": "a dog", "error": None}, {"recaption": None, "error": "too long"})),
        ),
        PlanStep("pass", "tell", "run", "7 missing", "pairs", 7, estimate=Estimate(7, None, None, "unknown")),
        PlanStep("schema", "pairs:old", "undeclared", "kept: mmreg drop pairs:old", "pairs", verb="-"),
    ),
    ("too much",),
)  # fmt: skip
RESULTS = (
    StepResult("ingest", "pairs", "published", "pairs@v1  12 added, 1 rejected", "pairs@v1", 12, 12, 0, 1, 0.42),
    StepResult("pass", "stats", "published", "pairs@v2  12 rows computed, 2 with an error", "pairs@v2", 12, 12, 2),
    StepResult("training", "clip", "stale", "the model is kept"),
)
STATUS = Status(
    (
        PassStatus(
            "stats",
            "pairs",
            ("width", "height"),
            9,
            1,
            2,
            3,
            None,
            {"abcdef0123456789": 9, "0123456789abcdef": 1},
            4,
            "abcdef0123456789",
            "its code changed",
        ),
        PassStatus("clip", "pairs", (), 0, 0, 0, 0, "waits for the model clip"),
    ),
    STEPS,
    4000.0,
)
PASSED = CheckResult("not_null", "passed", "error", 9, 0, "no nulls", "caption")
FAILED = CheckResult(
    "image_decodes",
    "failed",
    "error",
    9,
    2,
    "2 images do not decode",
    "image",
    examples=({"sample_id": "00ff", "value": "a.png", "reason": "truncated"},),
)
WARNED = CheckResult("row_count", "failed", "warning", 1, 1, "9 rows, at least 10 are asked for")
REPORT = ValidationReport("train", "train@v1", "u", 9, (PASSED, FAILED, WARNED), "r")
MODEL = ModelSummary(
    "clip", "ab" * 32, ("champion",), "open_clip", AT, "r", ("train@v1",), {"r@1": 0.31234}, 12_400, "mit"
)
CHECKPOINT = Checkpoint(
    "clip",
    "ab" * 32,
    "open_clip",
    "checkpoints/clip",
    files={"model.safetensors": "cd" * 32},
    size_bytes=12_400,
    facts={"parameters": 7, "pickles": ["a.bin", "b.bin"]},
)
TRAINING = Run(
    "r-2",
    Job("training", "clip"),
    RunState.COMPLETE,
    AT,
    AT,
    (RunInput("version", "u", "train@v1", "trained_on"),),
    checkpoints=({"name": "clip", "digest": "ab" * 32},),
    facets={"metrics": {"ab" * 32: {"r@1": 0.3}}},
)
EVALUATION = Run(
    "r-3",
    Job("evaluation", "clip"),
    RunState.FAILED,
    AT,
    AT,
    facets={"metrics": {"r@5": 0.5}},
    outputs=(VersionOutput("pairs", "u", 1, "root", 3),),
)
ROWS = (
    {
        "sample_id": "00ff",
        "caption": "a red square\n",
        "image": {"format": "PNG", "sha256": "ab", "width": 8, "height": 9},
    },
    {"sample_id": "11ff", "caption": None, "image": {"format": "PNG", "sha256": "cd", "length": 1200}},
)
DOCTOR = DoctorReport(
    (
        Finding("run_object", "written again", True),
        Finding("index", "is behind", False, "mmreg catalog rebuild"),
    )
)
LINEAGE = Lineage("version:u", "up", (Node("version:u", "version", "pairs", "pairs@v1"),), ())

ANSWERS: list[Any] = [
    [SUMMARY],
    [ENTRY],
    VERSION,
    DIFF,
    Plan(STEPS),
    DEAR,
    Dropped("pairs:old", "r-1", "pairs@v3"),
    ApplyReport(RESULTS),
    STATUS,
    [REPORT],
    REPORT,
    [MODEL],
    MODEL,
    CHECKPOINT,
    [TRAINING, EVALUATION],
    TRAINING,
    DOCTOR,
    LINEAGE,
    Created("mmreg.yaml", True, ".mmreg/lake", "many"),
    Rebuilt(7),
    Named("clip", "champion", "ab" * 32),
    Drawing(("digraph {", "}")),
]


def shown(value: object, capsys: pytest.CaptureFixture[str]) -> list[str]:
    Output().show(value)
    return capsys.readouterr().out.splitlines()


def test_ls(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown([SUMMARY], capsys) == [
        "DATASET  CURRENT   LATEST    KIND   ROWS  REJECTED  VERSIONS  UPDATED (UTC)",
        "pairs    pairs@v2  pairs@v3  root  8,101        20         3  2026-11-22 03:15:01",
    ]


def test_log(capsys: pytest.CaptureFixture[str]) -> None:
    foreign = dataclasses.replace(ENTRY, kind="unattributed", job="", promoted=False)
    assert shown([ENTRY, foreign], capsys) == [
        "VERSION   PUBLISHED (UTC)       ROWS  REJECTED  BY            COLUMNS",
        "pairs@v2  2026-11-22 03:15:01  8,101        20  pass stats    width    promoted",
        "pairs@v2  2026-11-22 03:15:01  8,101        20  unattributed  width    unattributed",
    ]


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(VERSION, capsys)
    assert lines[0] == "pairs@v2  promoted"
    assert "  rejected    21 (pixel_limit 20, not_an_image 1)" in lines
    assert "  cost        8,101 calls, 2 min, 1,000 tokens, 1.50 of money" in lines
    assert "  opens with  lance.dataset('/lake/pairs.lance', version=4)" in lines
    assert "  splits      train 7,000, test 1,101" in lines
    assert "width   int32  stats   r-1" in lines
    assert lines[-2:] == ["a.png     pixel_limit  20990 x 29700", "… and 20 more"]


def test_diff(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(DIFF, capsys) == [
        "pairs@v1 → pairs@v2",
        "  + column width",
        "  - column old",
        "  ~ column score: float → double",
        "  + 3 samples  00ff, 11ff …",
        "  - 1 sample  22ff",
        "  ~ caption: 7 cells changed",
    ]
    same = Diff("pairs@v1", "pairs@v1", (), (), {}, 0, 0, {})
    assert shown(same, capsys)[1] == "  no difference"


def test_plan(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(Plan(STEPS), capsys)
    assert lines[1] == "+ run      ingest pairs   pairs      13  13 added"
    assert lines[3] == "! blocked  pass clip      pairs          waits for the model clip"
    assert lines[-1] == "1 to run, 1 blocked, 1 kept although stale."
    assert shown(Plan(STEPS[1:2]), capsys)[-1] == "Nothing to do."


def test_a_plan_with_costs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(DEAR, capsys)
    assert lines == [
        "         STEP          DATASET   ROWS  CALLS  TIME    MONEY  WHY",
        "~ alter  schema pairs  pairs                                 column a is renamed b",
        "+ run    pass recap    pairs    1,200  1,200  50 min  3.50   1,200 missing; cost from run r-1",
        "+ run    pass tell     pairs        7  7      ?       ?      7 missing",
        "- kept   pairs:old     pairs                                 kept: mmreg drop pairs:old",
        "  ! pass recap: declared differently",
        "recap: 20 rows computed as a sample, 1 with an error",
        "  recaption: a dog",
        "  recaption: None, error: too long",
        "3 to run, 0 blocked, 0 kept although stale. "
        "It would cost 1,207 model calls, 3.50 of money, about 50 min, not counting tell.",
        f"Above the budget: too much. It needs: mmreg apply --approve {DEAR.digest}",
    ]


def test_a_plan_as_markdown() -> None:
    hostile = PlanStep("pass", "a", "run", "x | y <b>\x1b[2J", "pairs", 1)
    lines = list(markdown(Plan((*DEAR.steps, hostile), DEAR.over)))
    assert lines[0].startswith("**4 to run, 0 blocked") and lines[2].startswith("|  | step | dataset |")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(DEAR.steps) + 1
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 10 for line in table), "each line has its nine cells"
    assert table[-1].endswith(r"x \| y &lt;b&gt;\\x1b\[2J |  |")
    assert "- pass recap: declared differently" in lines
    assert lines[-1].startswith("**Above the budget**: too much. To do it all the same: `mmreg apply --approve ")
    assert list(markdown(Plan(()))) == ["**Nothing to do.**"]


def test_what_was_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Dropped("pairs:old", "r-1", "pairs@v3"), capsys) == ["Dropped pairs:old by run r-1: pairs@v3"]
    assert shown(Dropped("dataset old", "r-1"), capsys) == ["Dropped dataset old by run r-1"]


def test_apply(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(ApplyReport(RESULTS), capsys)
    assert lines[1] == "+ published  ingest pairs   pairs@v1    12  0.4      12 added, 1 rejected"
    assert lines[3].split(maxsplit=4) == ["~", "stale", "training", "clip", "0.0      the model is kept"]
    assert shown(ApplyReport(RESULTS[2:]), capsys)[-1] == "Nothing changed."


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(STATUS, capsys)
    assert lines[1].split("  ")[0] == "width"
    assert lines[2].split() == ["height", "stats", "pairs", "9", "1", "2", "3", "4", "abcdef01", "(now)", "9,",
                                "01234567", "1", "code", "changed"]  # fmt: skip
    assert lines[3].split(maxsplit=7)[0] == "clip" and lines[3].endswith("blocked: waits for the model clip")
    assert not any("every row is done" in line for line in lines)
    assert lines[-1] == "The index is 67 minutes old."
    assert shown(Status((), (), 0.0), capsys) == ["Everything is up to date.", "The index is 0 seconds old."]


def test_validate(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(REPORT, capsys) == [
        "train@v1  9 rows  failed",
        "  FAIL   image_decodes image",
        "         2 images do not decode",
        "         00ff  a.png  truncated",
        "         … and 1 more",
        "         Try: mmreg why train@v1 00ff",
        "  warn   row_count",
        "         9 rows, at least 10 are asked for",
        "         Try: mmreg show train@v1",
        "  pass   not_null caption  no nulls",
    ]
    unchecked = ValidationReport("train", "train@v1", "u", 9, ())
    assert shown(unchecked, capsys) == ["train@v1  9 rows  ok", "  no checks are declared for it"]


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown([MODEL], capsys)
    assert lines[1].split()[:5] == ["clip", "abababababab", "champion", "open_clip", "12.4"]
    assert "r@1 0.3123" in lines[1]
    assert "  license     mit" in shown(MODEL, capsys)
    lines = shown(CHECKPOINT, capsys)
    assert "  parameters  7" in lines and "  pickles     a.bin, b.bin" in lines
    assert lines[-1].split() == ["model.safetensors", "cd" * 32]
    opaque = dataclasses.replace(CHECKPOINT, opaque=True)
    assert shown(opaque, capsys)[0] == "clip  weights unknown (opaque)"


def test_runs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown([TRAINING, EVALUATION], capsys)
    assert lines[1].split() == [
        "r-2",
        "training",
        "clip",
        "complete",
        "train@v1",
        "model:clip@abababababab",
        "r@1",
        "0.3",
        "2026-11-22",
        "03:15:01",
    ]
    assert lines[2].split()[3:7] == ["failed", "pairs@v1", "r@5", "0.5"]
    assert "  read     train@v1 (trained_on)" in shown(TRAINING, capsys)


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(DOCTOR, capsys) == [
        "mended  run_object  written again",
        "open    index  is behind",
        "        Try: mmreg catalog rebuild",
        "The lake needs a hand.",
    ]
    assert shown(DoctorReport(()), capsys) == ["Everything agrees."]


def test_rows_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Rows(ROWS), capsys) == [
        "sample_id  caption         image",
        r"00ff       a red square\n  PNG 8x9",
        "11ff       null            PNG 1.2 kB",
    ]
    assert shown(Rows([]), capsys) == []


def test_many_columns_become_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "a": 1.23456789,
        "b": True,
        "c": [0.5] * 9,
        "d": [{"role": "user"}],
        "e": "x" * 60,
        "f": float("nan"),
        "clip": [{"format": "WAV", "sha256": "ab", "duration_ms": 1500}],
    }
    assert shown(Rows([row]), capsys) == [
        "row 1",
        "  a     1.23457",
        "  b     true",
        "  c     [0.5, 0.5, 0.5, … 9 numbers]",
        '  d     [{"role": "user"}]',
        "  e     " + "x" * 47 + "…",
        "  f     nan",
        "  clip  WAV 1.5 s",
    ]


def test_rows_as_json_are_one_array_written_row_by_row(capsys: pytest.CaptureFixture[str]) -> None:
    def endless() -> Any:
        yield from ROWS
        raise InterruptedError

    Output(json=True).show(Rows(ROWS))
    assert json.loads(capsys.readouterr().out) == list(ROWS)
    Output(json=True).show(Rows([]))
    assert json.loads(capsys.readouterr().out) == []
    with pytest.raises(InterruptedError):
        Output(json=True).show(Rows(endless()))
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: type(a[0] if isinstance(a, list) else a).__name__)
def test_every_answer_is_json_and_harmless_text(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).show(answer)
    document = json.loads(capsys.readouterr().out)
    assert len(document) == len(answer) if isinstance(answer, list) else isinstance(document, dict)

    Output().show(_hostile(answer))
    text = capsys.readouterr().out
    assert text
    assert "\x1b" not in text and "\u202e" not in text


def test_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def written(stream: io.StringIO) -> str:
        monkeypatch.setattr(sys, "stdout", stream)
        Output().show([SUMMARY])
        return stream.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1mpairs\x1b[0m" in written(Terminal())
    assert "\x1b" not in written(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in written(Terminal())


def test_what_is_said_where_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Output().show([], empty="No datasets yet.")
    assert capsys.readouterr() == ("", "No datasets yet.\n")
    Output(quiet=True).show([], empty="No datasets yet.")
    assert capsys.readouterr() == ("", "")
    Output(json=True).show([], empty="No datasets yet.")
    assert capsys.readouterr() == ("[]\n", "")


def _hostile(value: Any) -> Any:
    """``value`` with an escape sequence and a reordering mark before every free text in it."""
    if isinstance(value, str):
        return value if value in _WORDS else f"\x1b[2J\u202e{value}"
    if isinstance(value, (list, tuple)):
        return type(value)(map(_hostile, value))
    if isinstance(value, dict):
        return {key: _hostile(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _hostile(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value


_WORDS = {
    "up",
    "version",
    "root",
    "complete",
    "failed",
    "passed",
    "error",
    "warning",
    "run",
    "nothing",
    "blocked",
    "stale",
    "undeclared",
    "",
    "~",
    "-",
    "published",
    "unattributed",
    "clip",
    "digest",
    "name",
}
"""Words of ours in the values above: not data."""
