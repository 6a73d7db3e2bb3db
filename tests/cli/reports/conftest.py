"""Answers of `mmreg validate` as reports get them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from mmreg.schemas.check import CheckResult, Group, Histogram, Place, ValidationReport
from mmreg.schemas.detail import Diff
from mmreg.schemas.gate import GateReport, Skipped, Tighten
from mmreg.schemas.plan import Estimate, Plan, PlanStep

NASTY = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> | `a` ``b`` *c* _d_ [x](javascript:alert(3)) \\| "
    "\x1b[2J\x00\x07\r\n::error::forged ##[error]forged %0A @everyone #12 https://evil.example/x www.evil.example "
    "\u202egnp.exe\u2066 \ufffe\uffff\ud800 {0} ]]> &lt; 漢字 🙂 \u0301\u0301"
)
"""All that a caption may hold: markup of every form there is, controls, lone surrogates."""


def example(number: int, value: str = "'a cat'", reason: str = "shown twice") -> dict[str, str]:
    return {"sample_id": hashlib.sha256(bytes([number])).hexdigest()[:32], "value": value, "reason": reason}


FAILED = CheckResult(
    "image_decodes", "failed", "error", 8101, 7, "7 of 8,101 images do not decode (0.0864%)", "image",
    examples=tuple(example(n, "<1,234 bytes>", "truncated: image file is truncated") for n in range(1, 6)),
    key="image_decodes:image", declared_at=Place("mmreg.yaml", 31, 7), reused=8000,
)  # fmt: skip
WARNED = CheckResult(
    "boilerplate", "failed", "warning", 8101, 400, "400 of 8,101 captions are repeated (4.94%, 1% allowed)", "caption",
    max_failure_rate=0.01, key="boilerplate:caption", declared_at=Place("mmreg.yaml", 32, 7),
    examples=(example(77, "'stock photo'", "the caption of 311 rows"),),
    histograms=(Histogram("Captions by how often they occur", {"rows": (7000, 701, 400)}, labels=("1", "2-9", "10+")),),
)  # fmt: skip
UNSURE = CheckResult(
    "guard.pass_rate_ratio", "insufficient", "error", 3, 0, "1 of 3 groups has fewer than 30 rows", key="fair",
    declared_at=Place("mmreg.yaml", 33, 7),
    groups=(
        Group("en", 5000, 0.61, 0.59, 0.62), Group("de", 900, 0.5, 0.46, 0.53),
        Group("is", 12, 0.5, 0.25, 0.75, "insufficient"),
    ),
)  # fmt: skip
KNOWN = CheckResult(
    "unique", "failed", "error", 8101, 2, "2 of 8,101 values occur before (0.0247%)", "image", key="unique:image",
    declared_at=Place("mmreg.yaml", 34, 7), allowed=3, examples=(example(9),),
)  # fmt: skip
PASSED = CheckResult(
    "not_null", "passed", "error", 8101, 0, "0 of 8,101 values are null", "caption", key="not_null:caption"
)
SAMPLED = CheckResult(
    "not_blurred", "passed", "error", 1024, 0, "0 of 1,024 sampled of 8,101 are blurred (at most 0.37%, 95%)",
    "image", key="not_blurred:image", population=8101, interval=(0.0, 0.0037),
    histograms=(Histogram("Variance of the Laplacian", {"now": (1, 20, 600, 403)}, edges=(0, 50, 100, 200, 800)),),
)  # fmt: skip
DRIFTED = CheckResult(
    "drift", "failed", "error", 8101, 1, "PSI is 0.31, at most 0.2 is allowed", "width", key="drift:width",
    declared_at=Place("checks/images.yaml", 3, 5), numbers={"psi": 0.31}, how="great_expectations",
    histograms=(
        Histogram("width", {"pairs@v2": (5, 60, 80, 20), "pairs@v3": (40, 60, 30, 35)}, edges=(0, 64, 256, 1024, 4096)),
    ),
)  # fmt: skip
REPORT = ValidationReport(
    "pairs", "pairs@v3", "u-1", 8101, (PASSED, FAILED, SAMPLED, WARNED, UNSURE, KNOWN, DRIFTED), "r-1"
)
PLAN = Plan(
    (
        PlanStep(
            "pass", "recap", "run", "1,200 missing", "pairs", 1200, estimate=Estimate(1200, 3000.0, 3.5, "from run r-1")
        ),
        PlanStep("training", "clip", "blocked", "waits for train", notes=("declared differently",)),
    )
)
DIFF = Diff(
    "pairs@v2", "pairs@v3", ("width",), ("old",), {"score": ("float", "double")}, 3, 1, {"caption": 7},
    examples_added=("00ff", "11ff"),
)  # fmt: skip
ANSWER = GateReport(
    (REPORT,),
    (Skipped("train", "train@v1", "not changed since main"),),
    baseline="known.json",
    tighten=(Tighten("pairs", "unique:image", 3, 2), Tighten("pairs", "range:old", 1, None)),
    plan=PLAN,
    diffs=(DIFF,),
)


def hostile() -> GateReport:
    """Everything that data or a stranger's declaration can put into an answer, at its worst."""
    wild = replace(
        FAILED, check="gx.expect" + NASTY, column=NASTY, message=NASTY, key=NASTY,
        examples=({"sample_id": "00ff", "value": NASTY, "reason": NASTY}, {"value": NASTY * 2000}, {}),
        declared_at=Place("a b,c:%\n#?.yaml", 3, 5), numbers={NASTY: float("nan")},
        groups=(Group(NASTY, 3, 0.5, 0.1, 0.9, "failed"),),
        histograms=(Histogram(NASTY, {NASTY: (1, 2), "b": (0, 0)}, labels=(NASTY, "<b>")),),
    )  # fmt: skip
    known = replace(wild, allowed=9)
    passed = replace(wild, status="passed")
    report = ValidationReport(
        NASTY, NASTY, NASTY, 3, (wild, known, passed, replace(wild, status="insufficient")), NASTY
    )
    plan = Plan((PlanStep("pass", NASTY, "run", NASTY, NASTY, 3, notes=(NASTY,)),), over=(NASTY,))
    diff = Diff(NASTY, NASTY, (NASTY,), (NASTY,), {NASTY: (NASTY, NASTY)}, 1, 1, {NASTY: 2}, (NASTY,), (NASTY,))
    return GateReport(
        (report,), (Skipped(NASTY, NASTY, NASTY),), "warning", NASTY, (Tighten(NASTY, NASTY, 3, 2),),
        plan=plan, no_plan=NASTY, diffs=(diff,),
    )  # fmt: skip


def many() -> GateReport:
    """Three datasets, 40 checks."""

    def result(number: int) -> CheckResult:
        kind = (FAILED, WARNED, UNSURE, KNOWN, DRIFTED)[number // 3] if number < 15 else PASSED
        return replace(kind, key=f"{kind.key}-{number}", declared_at=Place("mmreg.yaml", 30 + number, 7))

    found = [result(number) for number in range(40)]
    return GateReport(
        tuple(ValidationReport(f"set{n}", f"set{n}@v{n + 1}", f"u{n}", 8101, tuple(found[n::3])) for n in range(3))
    )


ANSWERS: dict[str, Callable[[], GateReport]] = {
    "usual": lambda: ANSWER,
    "nothing": lambda: GateReport(()),
    "no checks": lambda: GateReport((ValidationReport("pairs", "pairs@v3", "u-1", 9, ()),)),
    "offline": lambda: GateReport((ValidationReport("pairs", "", "", 0, (FAILED, PASSED)),), offline=True),
    "three datasets, 40 checks": many,
    "hostile": hostile,
}


@pytest.fixture(params=ANSWERS)
def answer(request: pytest.FixtureRequest) -> GateReport:
    """Each kind of answer in turn."""
    return ANSWERS[request.param]()


@pytest.fixture
def usual() -> GateReport:
    """One version with a check of every verdict."""
    return ANSWER


@pytest.fixture
def nasty() -> GateReport:
    """An answer whose every text is hostile."""
    return hostile()


@pytest.fixture
def forty() -> GateReport:
    """Three datasets, 40 checks."""
    return many()
