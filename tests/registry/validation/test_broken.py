"""A check that breaks is named with its dataset and its place; whatever breaks, nobody sees a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError

BROKEN = '''
import os
import signal

from mmreg.errors import NotFound
from mmreg.validators.tally import verdict


class Whole:
    """Breaks where it is told to."""

    columns, media = ("text",), False

    def __init__(self, spec, table):
        self.spec, self.where = spec, spec.arguments["where"]
        self.breaks("init")

    def breaks(self, here):
        if here == self.where:
            raise KeyError("no such thing")
        if self.where == f"interrupt {here}":
            os.kill(os.getpid(), signal.SIGINT)
        if self.where == f"not found {here}":
            raise NotFound("gone@v1: no such version", hint="mmreg ls")

    def update(self, batch):
        self.breaks("update")

    def result(self):
        self.breaks("result")
        return verdict(self.spec, None, 1, 0, "fine")


class Parts(Whole):
    """Breaks where it is told to, by parts."""

    version = "1"

    def state(self):
        self.breaks("state")
        return {"set": {1}} if self.where == "no json" else {}

    def merge(self, state):
        self.breaks("merge")
'''


@pytest.fixture
def broken(notes: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "broken_checks", raising=False)
    made = notes()
    (made.folder / "broken_checks.py").write_text(BROKEN)
    made.apply()
    return made


@pytest.mark.parametrize(
    ("kind", "where"),
    [("Whole", "update"), ("Whole", "result"), ("Parts", "state"), ("Parts", "merge"), ("Parts", "update")],
)
def test_what_a_check_raises_names_it(broken: Any, kind: str, where: str) -> None:
    broken.declare({"notes": f'{{check: not_null, column: n}}\n{{check: "broken_checks:{kind}", where: {where}}}'})
    with pytest.raises(UsageError) as caught:
        broken.open().validate("notes@latest")
    at = f"mmreg.yaml:{line_of(broken, kind)}"
    assert caught.value.message == f"notes: broken_checks:{kind} ({at}): it broke: KeyError: 'no such thing'"
    assert broken.open().runs("validation") == []


def test_one_that_cannot_be_made_names_its_place_too(broken: Any) -> None:
    broken.declare({"notes": '{check: "broken_checks:Whole", where: init}'})
    with pytest.raises(UsageError, match=r"^notes: broken_checks:Whole \(mmreg.yaml:\d+\): .*no such thing"):
        broken.open().validate("notes@latest")
    broken.declare({"notes": "{check: range, column: text, min_value: 1}"})
    with pytest.raises(UsageError, match=r"^notes: range:text \(mmreg.yaml:\d+\): range: text is string"):
        broken.open().validate("notes@latest")


def test_a_state_that_is_no_json_names_it(broken: Any) -> None:
    broken.declare({"notes": '{check: "broken_checks:Parts", where: no json}'})
    with pytest.raises(UsageError, match="it broke: TypeError: Object of type set is not JSON serializable"):
        broken.open().validate("notes@latest")


def test_what_is_not_there_stays_not_found(broken: Any) -> None:
    broken.declare({"notes": '{check: "broken_checks:Whole", where: not found result}'})
    with pytest.raises(NotFound, match="gone@v1"):
        broken.open().validate("notes@latest")


def test_an_interrupt_leaves_nothing_behind(broken: Any) -> None:
    broken.declare({"notes": '{check: "broken_checks:Parts", where: interrupt update}'})
    done = subprocess.run(
        [sys.executable, "-m", "mmreg", "validate", "notes@latest"],
        cwd=broken.folder, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in done.stderr
    assert broken.open().runs("validation") == []
    assert broken.open().doctor().findings == ()


def line_of(made: Any, words: str) -> int:
    """The line of the declaration that has ``words``, from 1."""
    lines = (made.folder / "mmreg.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)
