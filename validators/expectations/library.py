"""Great Expectations itself: imported here alone, told to be quiet, and left without a trace on disk or network."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmreg.errors import MissingExtra, UsageError


def expectation(check: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """The expectation ``name`` as GX knows it; `UsageError` naming each argument that GX refuses."""
    with quiet(check) as gx:
        from great_expectations.compatibility.pydantic import ValidationError
        from great_expectations.exceptions.exceptions import GreatExpectationsError
        from great_expectations.expectations.registry import get_expectation_impl

        assert gx
        try:
            return get_expectation_impl(name)(**arguments)
        except ValidationError as error:
            wrong = {str(one["loc"][0]): one["msg"] for one in error.errors()}
            told = "; ".join(f"{argument}: {why}" for argument, why in wrong.items())
            raise UsageError(f"{check}: {told}") from None
        except (GreatExpectationsError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{check}: {error}") from None


def ask(check: str, expected: Any, frame: Any, examples: int) -> Mapping[str, Any]:
    """What GX finds in a pandas frame: its result, ``success`` among it; `UsageError` where it cannot tell."""
    with quiet(check) as gx:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = _no_bars()
        source = context.data_sources.add_pandas("frame")
        definition = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("frame")
        batch = definition.get_batch({"dataframe": frame})
        form = {"result_format": "SUMMARY", "partial_unexpected_count": examples}
        found = batch.validate(expected, result_format=form)
        failure = (found.exception_info or {}).get("exception_message") or _nested(found.exception_info)
        if failure:
            raise UsageError(f"{check}: Great Expectations cannot tell: {failure}", hint="docs/great-expectations.md")
        plain = {key: value.item() if hasattr(value, "item") else value for key, value in found.result.items()}
        return {"success": bool(found.success), **plain}


@contextmanager
def quiet(check: str) -> Iterator[Any]:
    """The library, without a report of its use to anybody and without warnings about itself."""
    before = os.environ.get("GX_ANALYTICS_ENABLED")
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    try:
        with warnings.catch_warnings(action="ignore"):
            try:
                import great_expectations as gx
            except ImportError:
                raise MissingExtra(check, extra="validate") from None
            yield gx
    finally:
        if before is None:
            del os.environ["GX_ANALYTICS_ENABLED"]
        else:
            os.environ["GX_ANALYTICS_ENABLED"] = before


def _no_bars() -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    return ProgressBarsConfig(globally=False, metric_calculations=False)


def _nested(info: Mapping[str, Any] | None) -> str | None:
    """Exceptions of metrics lie one level deeper, by metric."""
    for one in (info or {}).values():
        if isinstance(one, Mapping) and one.get("exception_message"):
            return str(one["exception_message"])
    return None
