"""What a result says where not all rows were looked at: of how many, and how far one may be off."""

from __future__ import annotations

from dataclasses import replace

from mmreg.schemas.check import CheckResult
from mmreg.validators.wilson import wilson


def of_sample(result: CheckResult, rows: int, of: int) -> CheckResult:
    """``result`` of a check that has seen ``rows`` sampled ones ``of`` so many."""
    low, high = wilson(result.failed, result.examined)
    told = f"in a sample of {rows:,} of {of:,} rows"
    if result.examined:
        between = f"{_percent(low)} to {_percent(high)}" if result.failed else f"at most {_percent(high)}"
        told += f" (of all {between}, with 95% confidence)"
    return replace(result, population=of, interval=(low, high), message=f"{result.message}, {told}")


def of_changed(result: CheckResult, rows: int, of: int, since: str, *, sampled: bool) -> CheckResult:
    """``result`` of a check that has seen ``rows`` in fragments that changed since some version, ``of`` so many."""
    if not rows:
        return replace(result, population=of, message=f"nothing to examine: no fragment changed since {since}")
    told = f"among {rows:,}{' sampled' if sampled else ''} of {of:,} rows, in whose fragments something changed"
    return replace(result, population=of, message=f"{result.message}, {told} since {since}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
