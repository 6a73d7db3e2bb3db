"""Checks of ten columns and of a column of pictures, beside Great Expectations and pandera on pandas, filters of bare
Lance, and bare decoding.

All find the same failures, or this ends with an error. The peers load the ten columns with Lance first, as whoever
keeps the table there would; mmreg reads them in a stream. `again` is a second run, and one after 1 % more rows.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Comparison, Cost, Work, compare, measure
from PIL import Image
from projects import apply, make_project
from report import Figure, Options, options, show

WHOLE = [f"whole{number}" for number in range(4)]
REAL = [f"real{number}" for number in range(4)]
COLUMNS = ["name", "caption", *WHOLE, *REAL]
LOW, HIGH, NEAR, LONGEST = 0, 998, 3.5, 40
"""Bounds that a few rows in a thousand are beyond."""
PATTERN = "^a (red|blue|green) thing"
PICTURES = 500
"""Different ones; the rows have them in turns."""
CELLS: list[dict[str, Any]] = [
    {"check": "unique", "column": "name"},
    {"check": "matches", "column": "caption", "pattern": PATTERN},
    {"check": "length", "column": "caption", "max_value": LONGEST},
    *({"check": "not_null", "column": name} for name in COLUMNS),
    *({"check": "range", "column": name, "min_value": LOW, "max_value": HIGH} for name in WHOLE),
    *({"check": "range", "column": name, "min_value": -NEAR, "max_value": NEAR} for name in REAL),
]
Found = dict[str, int]
"""Failures by check and column."""


def main() -> None:
    with options(__doc__, 100_000) as given:
        folder = given.work / "project"
        measure(_make, folder, given.size)
        figures = [*_cells(folder), *_media(folder), *_again(given, folder)]
        show(given, figures)


def _cells(folder: Path) -> Iterator[Figure]:
    peers: Mapping[str, Callable[[Path], Work]] = {
        "bare Lance filters": _lance,
        "pandera on pandas": _pandera,
        "GX on pandas": _gx,
    }
    for name, work in peers.items():

        def bare(work: Callable[[Path], Work] = work) -> Cost:
            return measure(work, folder)

        compared = compare(bare, lambda: measure(_mmreg, folder, "cells"), rounds=1)
        _agree(name, compared)
        yield from _beside(f"{len(CELLS)} checks of cells: mmreg / {name}", compared)


def _media(folder: Path) -> Iterator[Figure]:
    compared = compare(lambda: measure(_decode, folder), lambda: measure(_mmreg, folder, "media"), rounds=1)
    _agree("bare decoding", compared)
    yield from _beside("every picture decodes: mmreg / bare decoding", compared)


def _again(given: Options, folder: Path) -> Iterator[Figure]:
    """What a second run takes, and one after 1 % more rows."""
    first = measure(_mmreg, folder, "all", True)
    second = measure(_mmreg, folder, "all", True)
    measure(_append, folder, given.size, given.size // 100)
    third = measure(_mmreg, folder, "all", True)
    yield Figure("all checks again / the first time, CPU", second.cpu_s / first.cpu_s, "x", None, details=_told(second))
    yield Figure("after 1% more rows / the first time, CPU", third.cpu_s / first.cpu_s, "x", None, details=_told(third))


def _beside(what: str, compared: Comparison) -> Iterator[Figure]:
    for by, unit in (("cpu_s", "CPU"), ("wall_s", "clock"), ("peak_mb", "peak memory")):
        details = {"ours": compared.of_ours(by), "theirs": compared.of_bare(by)}
        yield Figure(f"{what}, {unit}", compared.ratio(by), "x", None, noise=compared.noise(by), details=details)


def _told(cost: Cost) -> dict[str, float | int | str]:
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_mb": cost.peak_mb}


def _agree(name: str, compared: Comparison) -> None:
    ours, theirs = compared.ours[0].value, compared.bare[0].value
    if ours != theirs:
        raise SystemExit(f"{name} finds {theirs}, mmreg {ours}")


# The table


def _make(folder: Path, rows: int) -> Work:
    types = {"name": "string", "caption": "text"} | dict.fromkeys(WHOLE, "int") | dict.fromkeys(REAL, "float")
    columns: dict[str, Any] = {name: {"type": kind, "nullable": True} for name, kind in types.items()}
    columns["picture"] = {"type": "image"}
    source = {"type": "parquet", "path": "table"}
    make_project(folder, {"datasets": {"table": {"source": source, "columns": columns}}})
    (folder / "table").mkdir()
    _write(folder / "table" / "first.parquet", 0, rows)
    return lambda: apply(folder)


def _append(folder: Path, start: int, rows: int) -> Work:
    _write(folder / "table" / "more.parquet", start, rows)
    return lambda: apply(folder)


def _write(path: Path, start: int, rows: int) -> None:
    seeded = np.random.default_rng(7)
    pictures = [_picture(seeded) for _ in range(PICTURES)]
    writer = None
    for first in range(start, start + rows, 16_384):
        numbers = np.arange(first, min(first + 16_384, start + rows))
        table = pa.table(
            {
                "name": [f"row {number - number % 5_000 // 4_999}" for number in numbers],  # now and then one twice
                "caption": [_caption(number) for number in numbers.tolist()],
                **{name: seeded.integers(0, 1000, len(numbers)) for name in WHOLE},
                **{name: seeded.normal(size=len(numbers)) for name in REAL},
                "picture": pa.array([pictures[number % PICTURES] for number in numbers], pa.binary()),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _caption(number: int) -> str | None:
    if number % 100 == 99:
        return None
    colour = ("red", "blue", "green", "odd")[number % 3 if number % 700 else 3]
    return f"a {colour} thing on a plain table{' of wood' * (number % 400 == 0)}, number {number % 10}"


def _picture(seeded: np.random.Generator) -> bytes:
    data = io.BytesIO()
    coarse = Image.fromarray(seeded.integers(0, 255, (16, 16, 3), np.uint8))
    coarse.resize((64, 64)).save(data, "JPEG", quality=80)
    return data.getvalue()


# The same checks, five times


def _mmreg(folder: Path, which: str, record: bool = False) -> Work:
    import lance  # noqa: F401

    from mmreg.registry.api import Registry
    from mmreg.registry.validation import run_checks
    from mmreg.schemas.check_spec import CheckSpec

    pictures = [{"check": "image_decodes", "column": "picture"}]
    declared = {"cells": CELLS, "media": pictures, "all": [*CELLS, *pictures]}[which]
    specs = [CheckSpec.model_validate(check) for check in declared]
    registry = Registry.open(folder)
    len(registry.open_version("table@latest"))

    def work() -> Found:
        report = run_checks(registry, registry.latest("table"), specs, record=record)
        return {f"{result.check} {result.column}": result.failed for result in report.results}

    return work


def _lance(folder: Path) -> Work:
    import lance
    import pyarrow.compute as pc

    def work() -> Found:
        table = lance.dataset(str(_lake(folder)))
        filters = {
            "matches caption": f"NOT regexp_like(caption, '{PATTERN}')",
            "length caption": f"character_length(caption) > {LONGEST}",
            **{f"not_null {name}": f"{name} IS NULL" for name in COLUMNS},
            **{f"range {name}": f"{name} < {LOW} OR {name} > {HIGH}" for name in WHOLE},
            **{f"range {name}": f"{name} < {-NEAR} OR {name} > {NEAR}" for name in REAL},
        }
        names = table.to_table(columns=["name"])["name"]
        found = {"unique name": len(names) - names.null_count - pc.count_distinct(names).as_py()}
        return found | {what: table.count_rows(filter=filter) for what, filter in filters.items()}

    return work


def _pandera(folder: Path) -> Work:
    import lance
    import pandera.pandas as pandera

    column, check = pandera.Column, pandera.Check
    schema = pandera.DataFrameSchema(
        {
            "name": column(unique=True, report_duplicates="exclude_first"),
            "caption": column(checks=[check.str_matches(PATTERN), check.str_length(max_value=LONGEST)]),
            **{name: column(checks=check.in_range(LOW, HIGH)) for name in WHOLE},
            **{name: column(checks=check.in_range(-NEAR, NEAR)) for name in REAL},
        }
    )
    names = {"field_uniqueness": "unique", "not_nullable": "not_null", "str_matches": "matches"}
    names |= {"str_length": "length", "in_range": "range"}

    def work() -> Found:
        frame = lance.dataset(str(_lake(folder))).to_table(columns=COLUMNS).to_pandas()
        found = _nothing()
        try:
            schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as error:
            for (name, what), count in error.failure_cases.groupby(["column", "check"]).size().items():
                found[f"{names[what.partition('(')[0]]} {name}"] = int(count)
        return found

    return work


def _gx(folder: Path) -> Work:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import lance

    between, kinds = (
        gxe.ExpectColumnValuesToBeBetween,
        {
            "expect_column_values_to_be_unique": "unique",
            "expect_column_values_to_match_regex": "matches",
            "expect_column_value_lengths_to_be_between": "length",
            "expect_column_values_to_not_be_null": "not_null",
            "expect_column_values_to_be_between": "range",
        },
    )
    asked = [
        gxe.ExpectColumnValuesToBeUnique(column="name"),
        gxe.ExpectColumnValuesToMatchRegex(column="caption", regex=PATTERN),
        gxe.ExpectColumnValueLengthsToBeBetween(column="caption", max_value=LONGEST),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in COLUMNS),
        *(between(column=name, min_value=LOW, max_value=HIGH) for name in WHOLE),
        *(between(column=name, min_value=-NEAR, max_value=NEAR) for name in REAL),
    ]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    definition = asset.add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(name="checks", expectations=asked)

    def work() -> Found:
        frame = lance.dataset(str(_lake(folder))).to_table(columns=COLUMNS).to_pandas()
        result = definition.get_batch({"dataframe": frame}).validate(suite)
        found = {}
        for one in result.results:
            kind, count = kinds[one.expectation_config.type], one.result["unexpected_count"]
            # Of two equal names it counts both.
            found[f"{kind} {one.expectation_config.kwargs['column']}"] = count // 2 if kind == "unique" else count
        return found

    return work


def _decode(folder: Path) -> Work:
    """Every picture to its last pixel, one after the other: what a script would do."""
    import lance

    def work() -> Found:
        failed = 0
        scanner = lance.dataset(str(_lake(folder))).scanner(columns=["picture.bytes"], batch_size=64)
        for batch in scanner.to_batches():
            for data in batch.column(0).to_pylist():
                try:
                    with Image.open(io.BytesIO(data)) as picture:
                        picture.load()
                except OSError:
                    failed += 1
        return {"image_decodes picture": failed}

    return work


def _lake(folder: Path) -> Path:
    return folder / ".mmreg" / "lake" / "table.lance"


def _nothing() -> Found:
    return {f"{check['check']} {check['column']}": 0 for check in CELLS}


if __name__ == "__main__":
    main()
