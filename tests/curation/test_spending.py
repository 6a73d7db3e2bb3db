"""Plans tell what passes are going to cost; budgets stop what nobody has approved, before it begins and under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.curation.apply import apply
from mmreg.curation.approval import MARGIN, Allowance, over_budget
from mmreg.curation.plan import plan
from mmreg.errors import NotApproved
from mmreg.schemas.declaration import ProjectSpec
from mmreg.schemas.document import parse_project
from mmreg.schemas.plan import Estimate, Plan, PlanStep

DECLARATION = """
version: 1
project: dear
lake: {lake}
models:
  api: {{uri: "https://vlm.example/v1", name: small, framework: openai}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  recap: {{from: pairs, use: "priced:Priced", model: api, inputs: {{text: caption}}}}
"""
PRICED = '''
import pathlib

import pyarrow as pa
from counted import note


class Priced:
    """A tenth of money for each text."""

    version = "1"
    kind, scope, role = "map", "row", "mapper"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.calls = 0

    def outputs(self):
        return pa.schema([("recaption", pa.string())])

    def open(self):
        pass

    def spent(self):
        return {"tokens_in": 10 * self.calls, "tokens_out": self.calls, "money": 0.1 * self.calls}

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        self.calls += len(texts)
        for text in texts:
            note(f"Priced {text}")
        return pa.record_batch({"recaption": pa.array([f"say {text}" for text in texts])})
'''


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    """Twelve pictures with distinct captions, and a pass whose every call costs."""
    made = project(images=0, declaration=DECLARATION)
    (made.folder / "priced.py").write_text(PRICED)
    for number in range(12):
        made.draw(f"{number:02}", f"caption {number}")
    made.apply("pairs", "api")
    return made


def declare(project: Any, text: str) -> None:
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text() + text)


def recap(project: Any, **options: Any) -> PlanStep:
    return next(step for step in plan(project.open(), **options).steps if step.name == "recap")


def estimated(step: PlanStep) -> tuple[int | None, float | None, str]:
    assert step.estimate is not None
    return step.estimate.calls, step.estimate.money and round(step.estimate.money, 6), step.estimate.source


def test_a_pass_that_never_ran_costs_what_nobody_knows(small: Any) -> None:
    assert estimated(recap(small)) == (12, None, "unknown")
    assert plan(small.open()).total.source == "not counting recap"


def test_a_run_measures_the_next_one(small: Any) -> None:
    small.apply()
    run = small.open().runs("pass")[0]
    assert run.facets["pass"]["cost"]["calls"] == 12 and round(run.facets["pass"]["cost"]["money"], 6) == 1.2
    for number in range(3):
        small.draw(f"new-{number}", f"another {number}")
    small.apply("pairs")
    assert estimated(recap(small)) == (3, 0.3, f"from run {run.id}")
    assert recap(small).changes == {"missing": 3} and recap(small).reason == "3 missing"
    file = small.folder / "priced.py"
    file.write_text(file.read_text().replace('version = "1"', 'version = "2"'))
    script = "import mmreg; s = mmreg.plan(mmreg.Registry.open()).steps[-1]; print(s.reason, '/', s.estimate.source)"
    out, err = small.python(script).communicate()
    assert out.strip() == f"3 missing, 12 recipe changed / from run {run.id} of another recipe", err


def test_a_sample_measures_is_shown_cached_and_paid_once(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS", str(small.folder / "calls.log"))
    step = recap(small, sample=4)
    assert estimated(step) == (12, 1.2, "from a sample of 4 rows")
    assert step.sample is not None and (step.sample.rows, step.sample.errors) == (4, 0)
    assert [set(answer) for answer in step.sample.answers] == [{"recaption", "error"}] * 3
    assert str(step.sample.answers[0]["recaption"]).startswith("say caption ")
    digest = plan(small.open(), sample=4).digest
    assert len(small.calls()) == 4, "the same rows of the same recipe are not computed again"
    assert estimated(recap(small)) == (12, 1.2, "from a sample of 4 rows"), "and are known without asking"
    assert plan(small.open()).digest == digest
    assert [entry.job for entry in small.open().log("pairs")] == ["ingest pairs"], "published nowhere"
    report = small.apply()
    assert "8 rows computed, 4 found staged" in report.steps[-1].message
    assert sorted(small.calls()) == sorted(f"Priced caption {number}" for number in range(12))


def test_a_sample_of_rows_that_changed_since_is_not_published(
    small: Any, monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    monkeypatch.setenv("CALLS", str(small.folder / "calls.log"))
    recap(small, sample=12)
    small.draw("03", "another caption", seed=99)
    small.apply()
    found = {row["caption"]: row["recaption"] for row in rows(small.open(), "pairs@latest").values()}
    assert found == {caption: f"say {caption}" for caption in found} and "another caption" in found
    assert len(small.calls()) == 13


def test_the_digest_stays_while_nothing_moves(small: Any) -> None:
    first = plan(small.open()).digest
    assert plan(small.open()).digest == first
    assert plan(small.open(), ["recap"]).digest == first, "what is done decides, not how it was asked for"
    small.draw("new", "another")
    second = plan(small.open()).digest
    small.apply("pairs")
    assert len({first, second, plan(small.open()).digest}) == 3


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("budget: {model_calls: 11}\n", "12 model calls, above the 11 model calls of budget.model_calls"),
        ("budget: {money: 1}\n", "1.20 of money, above the 1.00 of money of budget.money"),
    ],
)
def test_a_plan_above_a_budget_needs_its_digest(small: Any, budget: str, said: str) -> None:
    recap(small, sample=1)
    calls = len(small.calls())
    declare(small, budget)
    made = plan(small.open())
    assert made.over == (said,)
    with pytest.raises(NotApproved, match="pass recap would bring what is spent to " + said) as refused:
        small.apply()
    assert refused.value.hint == f"mmreg plan, then: mmreg apply --approve {made.digest}"
    with pytest.raises(NotApproved, match="what would be done is no longer the plan 0123456789abcdef"):
        apply(small.open(), approve="0123456789abcdef")
    assert len(small.calls()) == calls, "nothing was spent"
    assert apply(small.open(), approve=made.digest).changed
    assert plan(small.open()).over == ()


def test_within_its_budget_a_plan_needs_nothing(small: Any) -> None:
    declare(small, "budget: {model_calls: 12, money: 1.21}\n")
    assert small.apply().changed


def test_the_budget_of_a_pass(small: Any) -> None:
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("model: api,", "model: api, budget: {model_calls: 3},"))
    with pytest.raises(NotApproved, match=r"12 model calls, above the 3 model calls of passes\.recap\.budget"):
        small.apply("recap")


def test_a_pass_that_spends_more_than_it_may_stops_and_goes_on_from_there(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmreg.curation.pending.ROWS", 5)
    declare(small, "budget: {money: 0.95}\n")
    assert plan(small.open()).over == (), "what it costs is not known yet"
    with pytest.raises(NotApproved, match=r"pass recap was stopped at 1\.00 of money, above the 0\.95") as stopped:
        small.apply()
    assert len(small.calls()) == 10
    assert [entry.job for entry in small.open().log("pairs")] == ["ingest pairs"]
    failed = small.open().runs("pass")[0]
    assert (failed.state, failed.facets["pass"]["cost"]["calls"]) == ("failed", 10)
    step = recap(small)
    assert (step.rows, step.staged) == (12, 10) and estimated(step) == (2, 0.2, f"from run {failed.id}")
    assert f"--approve {plan(small.open()).digest}" in str(stopped.value)
    assert small.apply().changed, "what is left is within the budget"
    assert sorted(small.calls()) == sorted(f"Priced caption {number}" for number in range(12))


def test_an_approval_is_for_a_tenth_more_and_no_further(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS", str(small.folder / "calls.log"))
    monkeypatch.setattr("mmreg.curation.pending.ROWS", 2)
    recap(small, sample=2)
    file = small.folder / "priced.py"
    file.write_text(file.read_text().replace("0.1 * self.calls", "0.3 * self.calls"))
    declare(small, "budget: {money: 0.5}\n")
    made = plan(small.open())
    assert made.over and made.total.money == pytest.approx(1.2)
    out, err = small.python(
        """
        import sys, mmreg, mmreg.curation.pending
        mmreg.curation.pending.ROWS = 2
        mmreg.apply(mmreg.Registry.open(), approve=sys.argv[1])
        """,
        made.digest,
    ).communicate()
    assert "above the 1.32 of money of the approved plan" in err, out
    assert "was stopped at 1.50 of money" in err, err


def test_a_step_whose_rows_are_unknown_is_judged_when_it_comes(project: Callable[..., Any]) -> None:
    made = project(images=3, declaration=DECLARATION + "budget: {{model_calls: 2}}\n")
    (made.folder / "priced.py").write_text(PRICED)
    planned = plan(made.open())
    assert planned.over == () and planned.steps[-1].reason == "after model api"
    with pytest.raises(NotApproved, match="3 model calls, above the 2"):
        made.apply()
    assert made.open().show("pairs@latest").rows == 3 and made.calls() == []


SPEC = parse_project(
    "version: 1\nproject: p\nbudget: {model_calls: 100, money: 5}\n"
    "datasets: {d: {source: {type: jsonl, path: x}, columns: {t: {type: text}}}}\n"
    "passes:\n  a: {from: d, use: 'm:C', outputs: {o: a}, budget: {model_calls: 60}}\n"
    "  b: {from: d, use: 'm:C', outputs: {o: b}}\n"
)
COSTS = st.fixed_dictionaries({"calls": st.integers(0, 200), "money": st.floats(0, 10)})


@given(a=COSTS, b=COSTS, approving=st.booleans())
def test_nothing_is_admitted_that_would_be_above_a_limit(
    a: Mapping[str, Any], b: Mapping[str, Any], approving: bool
) -> None:
    spec: ProjectSpec = SPEC
    steps = tuple(
        PlanStep("pass", name, "run", "", estimate=Estimate(cost["calls"], None, cost["money"], "unknown"))
        for name, cost in (("a", a), ("b", b))
    )
    allowance = Allowance(spec, Plan(steps) if approving else None)
    within = a["calls"] <= 60 and a["calls"] + b["calls"] <= 100 and a["money"] + b["money"] <= 5
    assert bool(over_budget(spec, steps)) != within

    def run() -> None:
        for step, cost in zip(steps, (a, b), strict=True):
            allowance.admit(step)
            allowance.spend(step.name, {name: part / MARGIN for name, part in cost.items()}, model=True)
            allowance.spend(step.name, cost, model=True)

    if within or approving:
        run()
    else:
        with pytest.raises(NotApproved):
            run()
