"""A project of texts whose rows come, change and go; and what its checks must say, asked without the registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.validators import Table, load_check

DECLARATION = """
version: 1
project: notes
lake: lake
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [name]
    columns: &columns
      name: {{type: string}}
      text: {{type: text, nullable: true}}
      n: {{type: int, nullable: true}}
  others:
    source: {{type: jsonl, path: others.jsonl}}
    identity: [name]
    columns: *columns
passes:
  keep: {{from: notes, into: kept, use: filter, where: "n >= {least}"}}
  both: {{into: both, use: mix, datasets: {{notes: 1, others: 1}}}}
checks:
"""


@dataclass
class Notes:
    """A project in ``folder``. ``rows`` are what its sources say: by dataset and name the text and the number."""

    folder: Path
    rows: dict[str, dict[str, tuple[str | None, int | None]]]

    def declare(self, checks: Mapping[str, str], least: int = 3) -> None:
        """``checks`` by dataset: each a YAML list of checks, one a line."""
        text = DECLARATION.format(least=least)
        for dataset, lines in checks.items():
            text += f"  {dataset}:\n" + "".join(f"    - {line}\n" for line in lines.strip().splitlines())
        (self.folder / "mmreg.yaml").write_text(text if checks else text.replace("checks:\n", ""))

    def apply(self, *select: str) -> None:
        """Bring the lake up to date, without any check."""
        for dataset, rows in self.rows.items():
            lines = [json.dumps({"name": name, "text": text, "n": n}) for name, (text, n) in rows.items()]
            (self.folder / f"{dataset}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        apply_unchecked(self.folder, select)

    def open(self) -> Registry:
        return Registry.open(self.folder)


def apply_unchecked(folder: Path, select: Sequence[str] = ()) -> None:
    """Apply what is declared in ``folder``, but for the checks at the end of its files."""
    said = {file: file.read_text() for file in folder.rglob("*.yaml")}
    for file, text in said.items():
        file.write_text(text.partition("checks:\n")[0])
    apply(Registry.open(folder), select)
    for file, text in said.items():
        file.write_text(text)


@pytest.fixture
def unchecked() -> Callable[[Path], None]:
    return apply_unchecked


@pytest.fixture
def notes(tmp_path: Path) -> Callable[..., Notes]:
    """Make such a project, by default with a few rows in both sources."""

    def make(name: str = "project", **rows: dict[str, tuple[str | None, int | None]]) -> Notes:
        folder = tmp_path / name
        folder.mkdir()
        few: dict[str, tuple[str | None, int | None]]
        few = {f"r{number}": (f"text {number % 4}" if number % 3 else None, number) for number in range(8)}
        made = Notes(folder, {"notes": few, "others": {f"o{name}": cells for name, cells in few.items()}, **rows})
        made.declare({})
        init_project(folder)
        return made

    return make


@pytest.fixture
def in_full() -> Callable[[Registry, str], list[CheckResult]]:
    """What the declared checks say of a version where every row is looked at, batch by batch, by nobody but them."""

    def ask(registry: Registry, ref: str) -> list[CheckResult]:
        reader = registry.open_version(ref)
        table = Table(reader.full_schema, dataset=ref.partition("@")[0], ref=reader.ref, rows=len(reader))
        checks = [load_check(spec, table) for spec in registry.spec.checks[table.dataset]]
        for check in checks:
            if check.columns:
                columns = list(dict.fromkeys(["sample_id", *check.columns]))
                for batch in reader.batches(columns, batch_size=3, media="tolerant" if check.media else False):
                    check.update(batch)
        return [check.result() for check in checks]

    return ask


@pytest.fixture
def plain() -> Callable[[ValidationReport], list[CheckResult]]:
    """The results of a report without what the registry adds to them."""

    def strip(report: ValidationReport) -> list[CheckResult]:
        return [replace(result, key="", declared_at=None, reused=0) for result in report.results]

    return strip
