"""docs/reports.md shows what is really printed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmreg.cli.main import main
from mmreg.cli.reports import FORMS

PAGE = (Path(__file__).parents[3] / "docs" / "reports.md").read_text(encoding="utf-8")
BEFORE = [("cat", "a cat on a mat", 640), ("dog", None, 320), ("owl", "an owl | at <night>", 48), ("fox", "a fox", 800)]
AFTER = [*BEFORE, ("hen", None, 640), ("elk", "an elk in the mist", 1024)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def call(*args: str) -> str:
    return CliRunner().invoke(main, args, catch_exceptions=False).stdout


@pytest.fixture
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project of the page: two versions of a few records."""
    monkeypatch.chdir(tmp_path)
    (declaration,) = blocks("yaml")
    (tmp_path / "mmreg.yaml").write_text(declaration)
    for rows in (BEFORE, AFTER):
        records = [json.dumps({"name": name, "caption": caption, "width": width}) for name, caption, width in rows]
        (tmp_path / "pairs.jsonl").write_text("\n".join(records))
        if rows is BEFORE:
            call("init")
        call("apply", "--quiet")


def settled(text: str) -> str:
    """Without the ids that are others in each lake."""
    return re.sub(r"\d{8}T\d{6}\.\d+Z-[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}", "-", text).rstrip("\n")


@pytest.mark.usefixtures("_shop")
def test_the_page_shows_what_is_printed() -> None:
    shown = blocks("console")
    assert len(shown) >= 7
    for block in shown:
        command, _, expected = block.removeprefix("$ mmreg ").partition("\n")
        printed = settled(call(*shlex.split(command)))
        # ... stands for lines that the page leaves out.
        parts = [re.escape(part) for part in expected.split("...\n")]
        assert re.fullmatch(r"(?:.*\n)*?".join(parts), printed + "\n"), f"$ mmreg {command}\n{printed}"


def test_every_form_is_on_the_page() -> None:
    assert all(re.search(rf"^## .*`{form}`", PAGE, re.MULTILINE) for form in FORMS)
