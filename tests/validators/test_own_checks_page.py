"""docs/checks-of-your-own.md: its checks run as printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import UsageError
from mmreg.validators.listing import list_checks

PAGE = Path(__file__).parents[2].joinpath("docs", "checks-of-your-own.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.S)
PYTHON = [text for language, text in BLOCKS if language == "python"]
YAML = [text for language, text in BLOCKS if language == "yaml"]
DECLARATION = """
version: 1
project: page
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
"""


@pytest.fixture
def page(project: Callable[..., Any]) -> Iterator[Any]:
    """A project with the page's checks and declaration in it; one caption shouts."""
    kinds = '    - {check: "kinds:FewKinds", column: caption, most: 2}\n'
    made = project(0, DECLARATION + (YAML[0] + kinds).replace("{", "{{").replace("}", "}}"))
    (made.folder / "shouting.py").write_text(PYTHON[0])
    (made.folder / "kinds.py").write_text(PYTHON[1])
    for number, caption in enumerate(["A QUIET CAPTION", "a quiet caption", "OK", None]):
        made.draw(f"{number}", caption)
    yield made
    for name in ("shouting", "kinds"):
        sys.modules.pop(name, None)


def test_the_checks_run_as_printed(page: Any) -> None:
    page.apply()
    (report,) = page.open().validate("pairs@latest")
    shouting, kinds = report.results
    assert (shouting.status, shouting.examined, shouting.failed) == ("failed", 3, 1)
    assert shouting.examples[0]["value"] == "'A QUIET CAPTION'"
    assert (kinds.status, kinds.message) == ("failed", "4 kinds, 2 allowed")
    again = page.open().validate("pairs@latest")[0].results
    assert [result.reused for result in again] == [4, 0]


def test_they_are_listed(page: Any) -> None:
    listed = {one.name: one for one in list_checks(page.folder, ["shouting:NoShouting", "kinds:FewKinds"])}
    shouting, kinds = listed["shouting:NoShouting"], listed["kinds:FewKinds"]
    assert shouting.demands == "No text of at_least letters or more is all in capitals; null is not examined."
    assert (shouting.scope, shouting.incremental) == ("row", True)
    assert (kinds.scope, kinds.incremental) == ("table", False)


def test_what_breaks_is_told_with_its_place(page: Any) -> None:
    file = page.folder / "kinds.py"
    file.write_text(file.read_text().replace("self._seen.update(", "self._seen.updated("))
    page.draw("4", "one more")
    with pytest.raises(UsageError, match=r"pairs: kinds:FewKinds:caption \(mmreg\.yaml:14\).*AttributeError"):
        page.apply()
        page.open().validate("pairs@latest")
