"""A check, as ``mmreg.yaml`` declares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Severity = Literal["error", "warning"]
EXAMPLES = 5
"""Failing samples that a report shows of a check, unless declared otherwise."""


def _check_or_suite(schema: dict[str, Any]) -> None:
    del schema["required"]
    schema["anyOf"] = [{"required": ["check"]}, {"required": ["suite"]}]


class CheckSpec(BaseModel):
    """One check of a dataset: ``check`` names it, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, json_schema_extra=_check_or_suite)

    check: str = Field(description="which check; all other keys are its arguments. `suite: FILE` alone is `gx.suite`")
    severity: Severity = Field(default="error", description="whether a failure stops a promotion")
    max_failure_rate: float = Field(default=0.0, ge=0, le=1, description="the share that may fail")
    name: str | None = Field(default=None, min_length=1, max_length=100, description="what it is called in reports")
    sample: int | None = Field(
        default=None, gt=0, description="look at about so many rows, the same from version to version, not at all"
    )
    examples: int = Field(default=EXAMPLES, ge=0, le=10_000, description="failing samples that reports show")

    @model_validator(mode="before")
    @classmethod
    def _suite(cls, declared: Any) -> Any:
        """``{suite: path.json}`` is a suite of Great Expectations."""
        if isinstance(declared, Mapping) and "suite" in declared and "check" not in declared:
            return {"check": "gx.suite", **declared}
        return declared

    @property
    def arguments(self) -> dict[str, Any]:
        """The check's own arguments, in the order they were declared."""
        return dict(self.model_extra or {})
