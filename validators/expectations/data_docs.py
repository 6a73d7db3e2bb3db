"""Data Docs: the pages of Great Expectations, of results that mmreg has found. No data is read for them.

GX puts names and values into its pages as they are, markup included, so all of them are escaped before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.validators.expectations.library import quiet
from mmreg.validators.expectations.names import PREFIX

_INDEX = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Data Docs</title></head>
<body>
<h1>Data Docs</h1>
<table border="1" cellpadding="6">
<tr><th>version</th><th>expectations</th><th>not met</th></tr>
{rows}
</table>
</body>
</html>
"""
_ROW = '<tr><td><a href="{page}">{version}</a></td><td>{checks}</td><td>{failed}</td></tr>'


def write_data_docs(reports: Sequence[ValidationReport], folder: Path) -> Path:
    """Write a page for each report that has expectations, one for each of their suites, and an index of the reports.

    A suite is what is declared for a dataset. Returns the path of the index.

    Checks other than ``gx.`` are not in it. Raises `MissingExtra` where GX is not installed, and `UsageError` where
    the folder cannot be written to.
    """
    with quiet("--data-docs"):
        pages = {_place(report): _page(report) for report in reports if _expectations(report)}
        suites = {_suite_name(report): _suite_page(report) for report in reports if _expectations(report)}
    rows = [
        _ROW.format(
            page=escape(f"{place}/index.html"),
            version=escape(report.version),
            checks=len(_expectations(report)),
            failed=sum(result.status == "failed" for result in _expectations(report)),
        )
        for report in reports
        if (place := _place(report)) in pages
    ]
    try:
        for place, page in pages.items():
            _write(folder / place / "index.html", page)
        for name, page in suites.items():
            _write(folder / "expectations" / f"{name}.html", page)
        _write(folder / "index.html", _INDEX.format(rows="\n".join(rows)))
    except OSError as error:
        raise UsageError(f"Data Docs cannot be written to {folder}: {error.strerror}") from None
    return folder / "index.html"


def _place(report: ValidationReport) -> str:
    """Four levels deep, as GX's own: its pages link to their index four levels up."""
    return f"validations/{report.dataset}/{report.version.rpartition('@')[2]}/{report.run or report.uuid}"


def _expectations(report: ValidationReport) -> list[CheckResult]:
    return [result for result in report.results if result.check.startswith(PREFIX)]


def _suite_name(report: ValidationReport) -> str:
    """Without dots, which GX's pages would take for folders."""
    return report.dataset.replace(".", "-")


def _write(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _page(report: ValidationReport) -> str:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    results = _expectations(report)
    good = sum(result.status != "failed" for result in results)
    suite = ExpectationSuiteValidationResult(
        success=good == len(results),
        results=[_result(result) for result in results],
        suite_name=_suite_name(report),
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results),
        },
        meta={
            "run_id": {"run_name": _safe(report.run or report.uuid), "run_time": "__none__"},
            "batch_kwargs": {"data_asset_name": _safe(report.version)},
        },
    )
    view: Any = DefaultJinjaPageView()
    page: str = view.render(ValidationResultsPageRenderer().render(suite))
    return page


def _suite_page(report: ValidationReport) -> str:
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    declared = [_configuration(result) for result in _expectations(report)]
    view: Any = DefaultJinjaPageView()
    renderer: Any = ExpectationSuitePageRenderer()
    page: str = view.render(renderer.render(ExpectationSuite(_suite_name(report), declared)))
    return page


def _configuration(result: CheckResult) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(type=result.check.removeprefix(PREFIX), kwargs=_safe(result.arguments))


def _result(result: CheckResult) -> Any:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    return ExpectationValidationResult(
        success=result.status != "failed",
        expectation_config=_configuration(result),
        result=_counts(result) if "element_count" in result.numbers else _observed(result),
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
        meta={},
    )


def _counts(result: CheckResult) -> dict[str, Any]:
    rows, unexpected = result.numbers["element_count"], result.numbers["unexpected_count"]
    values = [_safe(example.get("value", "")) for example in result.examples]
    share = 100 * unexpected / result.examined if result.examined else None
    return {
        **result.numbers,
        "unexpected_percent": share,
        "unexpected_percent_nonmissing": share,
        "unexpected_percent_total": 100 * unexpected / rows if rows else None,
        "missing_percent": 100 * result.numbers.get("missing_count", 0) / rows if rows else None,
        "partial_unexpected_list": values,
        "partial_unexpected_counts": [
            {"value": value, "count": values.count(value)} for value in dict.fromkeys(values)
        ],
    }


def _observed(result: CheckResult) -> dict[str, Any]:
    return {"observed_value": result.numbers.get("observed_value", _safe(result.message))}


def _safe(value: Any) -> Any:
    """Texts without markup and without characters that cannot be seen, wherever they are in ``value``."""
    match value:
        case str():
            return escape("".join(one if one.isprintable() else " " for one in value))
        case Mapping():
            return {_safe(key): _safe(one) for key, one in value.items()}
        case bool() | int() | float() | None:
            return value
        case Iterable():
            return [_safe(one) for one in value]
        case _:
            return _safe(str(value))
