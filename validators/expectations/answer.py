"""What came of an expectation, in the words of Great Expectations, and how mmreg tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.tally import Example, Tally, verdict

How = Literal["streamed", "great_expectations"]


@dataclass(frozen=True)
class Answer:
    """``result`` has the keys that GX gives it: ``observed_value``, or ``element_count`` and its like."""

    success: bool
    result: Mapping[str, Any]
    message: str
    examples: tuple[Example, ...] = ()


def told(spec: CheckSpec, column: str | None, how: How, answer: Answer) -> CheckResult:
    """The answer about a version as a whole: examined is 1."""
    result = verdict(spec, column, 1, 0 if answer.success else 1, answer.message, answer.examples)
    return replace(result, how=how, numbers=_numbers(answer.result))


def told_of_rows(spec: CheckSpec, tally: Tally, failing: str, mostly: float, how: How) -> CheckResult:
    """The answer about every row, as GX judges it by ``mostly``, or by mmreg's own ``max_failure_rate``."""
    declared = "max_failure_rate" in spec.model_fields_set
    allowed = spec.max_failure_rate if declared else round(1 - mostly, 12)
    counts = counted(tally)
    result = replace(tally.result(failing), how=how, numbers=_numbers(counts), max_failure_rate=allowed)
    if declared:
        return result
    good = mostly_met(result.examined, result.failed, mostly)
    if result.failed and mostly < 1:
        result = replace(result, message=f"{result.message}, mostly {mostly:g}")
    return replace(result, status="passed" if good else "failed")


def counted(tally: Tally) -> dict[str, int]:
    """The counts under the names of GX."""
    seen = tally.state()
    return {
        "element_count": seen["rows"],
        "missing_count": seen["rows"] - seen["examined"],
        "unexpected_count": seen["failed"],
    }


def mostly_met(examined: int, failed: int, mostly: float) -> bool:
    """Whether enough is as expected: computed as GX does, so that 0.9 of ten rows are nine."""
    return not examined or (float(examined) - float(failed)) / float(examined) >= mostly


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    return found
