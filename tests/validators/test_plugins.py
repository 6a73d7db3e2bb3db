"""Checks are found by name, entry point or module:Class, told what they lack, and listed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pytest

import mmreg.validators
from mmreg.errors import MissingExtra, NotFound, UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.summary import KnownCheck
from mmreg.validators import Table, load_check
from mmreg.validators.built_in import BUILT_IN
from mmreg.validators.listing import list_checks
from mmreg.validators.plugins import check_class, checked

CODE = "".join(file.read_text("utf-8") for file in Path(mmreg.validators.__file__).parent.rglob("*.py"))
TABLE = Table(pa.schema([("caption", pa.string())]))
WHOLE = '''
    from mmreg.validators.tally import verdict

    class Rows:
        """The version has an even number of rows.

        More of it."""

        media = False
        columns = ("caption",)

        def __init__(self, spec, table):
            self._spec, self._rows = spec, 0

        def update(self, batch):
            self._rows += batch.num_rows

        def result(self):
            return verdict(self._spec, None, 1, self._rows % 2, f"{self._rows} rows")
'''


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder for plug-ins; what was imported from it is forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(project: Path, name: str, code: str) -> None:
    (project / f"{name}.py").write_text(dedent(code))


def install(project: Path, **points: str) -> None:
    """Entry points as an installed package has them."""
    facts = project / "even_rows-1.2.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: even-rows\nVersion: 1.2\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (facts / "entry_points.txt").write_text(f"[mmreg.checks]\n{lines}")
    sys.path.insert(0, str(project))


def run(name: str, project: Path | None) -> Any:
    check = load_check(CheckSpec(check=name), TABLE, project)
    check.update(pa.record_batch({"caption": ["one", "two", "three"]}))
    return check.result()


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_checks_fulfil_the_protocol(name: str) -> None:
    assert checked(name, check_class(name)).__name__


def test_module_and_class_beside_the_project_file(project: Path) -> None:
    write(project, "even_one", WHOLE)
    assert run("even_one:Rows", project).status == "failed"


def test_an_entry_point_of_an_installed_plug_in(project: Path) -> None:
    write(project, "even_two", WHOLE)
    install(project, even_rows="even_two:Rows", not_null="even_two:Rows")
    assert run("even_rows", None).message == "3 rows"
    with pytest.raises(UsageError, match=r"unknown check 'even_row'.*did you mean 'even_rows'"):
        check_class("even_row")
    assert check_class("not_null").__module__.startswith("mmreg.")  # a built-in name is nobody else's


def test_what_is_not_there(project: Path) -> None:
    with pytest.raises(NotFound, match="no module 'nowhere_at_all'"):
        check_class("nowhere_at_all:Thing", project)
    write(project, "even_three", WHOLE)
    with pytest.raises(NotFound, match="the module even_three has no 'Row'; did you mean 'Rows'"):
        check_class("even_three:Row", project)


@pytest.mark.parametrize("code", ["import not_installed_here", "def f(:", "1 / 0"])
def test_a_module_that_cannot_be_imported(project: Path, code: str) -> None:
    write(project, "broken_check", code)
    with pytest.raises(UsageError, match="importing broken_check failed"):
        check_class("broken_check:Thing", project)


def test_a_missing_extra_says_so_itself(project: Path) -> None:
    write(project, "needy_check", "from mmreg.errors import MissingExtra\nraise MissingExtra('needy', extra='pii')\n")
    with pytest.raises(MissingExtra, match="needs the extra 'pii'"):
        check_class("needy_check:Thing", project)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"""The version has an even', '""\n        """The version has an even', "its docstring is missing"),
        ("self, spec, table", "self, spec", "not made from two arguments"),
        ("def update", "def updated", "the method 'update' is missing"),
        ("def result", "def results", "the method 'result' is missing"),
        ("media = False", "media = False\n        def state(self): ...", "'state' needs 'merge' beside it"),
        ("media = False", "media = False\n        def merge(self, state): ...", "'merge' needs 'state' beside it"),
        ("media = False", "media = False\n        state = merge = print", "'state' and 'merge' need a 'version'"),
        ('columns = ("caption",)', 'columns = "caption"', "'columns' is 'caption', not a tuple"),
        ("media = False", "", "'media' is None, not True or False"),
        ("self._rows = spec, 0", "self._rows = spec, 1 / 0", "cannot be made: ZeroDivisionError"),
    ],
)
def test_what_is_missing_is_named(project: Path, old: str, new: str, message: str) -> None:
    assert old in WHOLE
    write(project, "faulty_check", WHOLE.replace(old, new))
    with pytest.raises(UsageError, match=message) as told:
        load_check(CheckSpec(check="faulty_check:Rows"), TABLE, project)
    assert "docs/checks-of-your-own.md" in (told.value.hint or "")


def test_all_that_is_missing_is_named_at_once(project: Path) -> None:
    write(project, "empty_check", "class Nothing: ...\nthing = 1\n")
    with pytest.raises(UsageError) as caught:
        check_class("empty_check:Nothing", project)
    for word in ("docstring", "two arguments", "'update'", "'result'"):
        assert word in caught.value.message
    with pytest.raises(UsageError, match="this is a int, where the class of a check is due"):
        check_class("empty_check:thing", project)


def test_all_are_listed_with_where_they_are_from(project: Path) -> None:
    write(project, "even_four", WHOLE)
    write(project, "broken_too", "1 / 0")
    install(project, even_rows="even_four:Rows", not_null="even_four:Rows", gone="nowhere_at_all:Thing")
    listed = list_checks(project, ["even_four:Rows", "broken_too:Thing", "not_null"])
    foreign = [one.name for one in listed if one.source != "mmreg"]
    assert foreign == ["even_rows", "gone", "broken_too:Thing", "even_four:Rows"]
    assert set(BUILT_IN) <= {one.name for one in listed}
    known = {one.name: one for one in listed}
    assert known["even_rows"] == KnownCheck(
        "even_rows", "The version has an even number of rows.", "table", False, False, None, "even-rows 1.2"
    )
    assert known["even_four:Rows"].source == "beside mmreg.yaml" and known["not_null"].source == "mmreg"
    assert (known["not_null"].scope, known["not_null"].incremental) == ("row", True)
    assert known["image_decodes"].media and known["row_count"].scope == "version"
    assert "ZeroDivisionError" in str(known["broken_too:Thing"].fault) and known["gone"].fault is not None


def test_which_extras_checks_need() -> None:
    sounds, films = (
        ("audio_decodes", "audio_duration", "not_silent", "not_clipped"),
        ("video_decodes", "video_duration"),
    )
    extras = {**dict.fromkeys(sounds, "audio"), **dict.fromkeys((*films, "video_frames"), "video")}
    extras |= {"language": "language", "pii": "pii"}
    needed = {one.name: one.extra for one in list_checks() if one.extra is not None and not one.name.startswith("gx.")}
    assert needed == extras
    assert all(re.search(rf'MissingExtra\([^)]*extra="{extra}"', CODE) for extra in extras.values())
