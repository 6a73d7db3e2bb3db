"""Every error ends in the exit status and the words that `mmreg.errors` promises."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys

import click
import pytest

from mmreg import errors
from mmreg.cli.main import guard
from mmreg.errors import IntegrityError, LeaseHeld, MissingExtra, MmregError, SpecError

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, MmregError)]


def raising(error: BaseException) -> int:
    raise error


def example(kind: type[MmregError]) -> MmregError:
    if kind is LeaseHeld:
        return LeaseHeld("pairs is being compacted", holder="host:7", seconds_left=3.0, hint="wait")
    if kind is MissingExtra:
        return MissingExtra("clip_score", extra="clip")
    return kind("it went wrong", hint="mmreg doctor")


@pytest.mark.parametrize("kind", CLASSES)
def test_each_error_has_its_status_code_and_hint(kind: type[MmregError], capsys: pytest.CaptureFixture[str]) -> None:
    error = example(kind)
    assert guard(lambda: raising(error), json=False, debug=False) == kind.exit_status
    text = capsys.readouterr()
    assert text.out == ""
    assert text.err == f"mmreg: {error.message}\n  Try: {error.hint}\n"

    assert guard(lambda: raising(error), json=True, debug=False) == kind.exit_status
    said = json.loads(capsys.readouterr().err)
    assert said == {"error": {"code": kind.code, "message": error.message, "hint": error.hint}}


def test_the_answer_is_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: 0, json=False, debug=False) == 0
    assert guard(lambda: 1, json=False, debug=False) == 1
    assert guard(lambda: None, json=False, debug=False) == 0
    assert capsys.readouterr() == ("", "")


def test_messages_keep_their_lines_and_lose_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    error = SpecError("no such key '\x1b[2J'", file="mmreg.yaml", line=3, column=5, source_line="    \x1b[2J: 1")
    guard(lambda: raising(error), json=False, debug=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [r"mmreg: mmreg.yaml:3:5: no such key '\x1b[2J'", r"  |     \x1b[2J: 1", "  |     ^"]


def test_an_unknown_error_is_a_bug_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: raising(ValueError("odd")), json=False, debug=False) == 70
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("mmreg: this is a bug in mmreg: ValueError: odd (test_failure.py:")
    assert len(lines) == 2 and "--debug" in lines[1]


def test_a_traceback_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    guard(lambda: raising(IntegrityError("torn")), json=False, debug=True)
    assert "Traceback" in capsys.readouterr().err
    guard(lambda: raising(IntegrityError("torn")), json=False, debug=False)
    assert "Traceback" not in capsys.readouterr().err


def test_what_click_refuses_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: raising(click.BadParameter("not so")), json=True, debug=False) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"


@pytest.mark.parametrize("interrupt", ["KeyboardInterrupt", "click.Abort"])
def test_an_interrupt_says_how_to_go_on(interrupt: str) -> None:
    code = f"import click, sys; from mmreg.cli.main import guard\ndef stop(): raise {interrupt}\n"
    code += "sys.exit(guard(stop, json=False, debug=False))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 130
    assert ended.stderr == (
        "mmreg: interrupted; what was published stays, nothing is half done\n"
        "  Try: the same command again goes on from there\n"
    )


def test_an_interrupt_ends_with_130_also_when_lance_is_loaded() -> None:
    code = "import sys, lance; from mmreg.cli.main import guard\ndef stop(): raise KeyboardInterrupt\n"
    code += "print('data'); guard(stop, json=True, debug=False); sys.exit(99)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 130
    assert ended.stdout == "data\n"
    assert json.loads(ended.stderr)["error"]["code"] == "interrupted"


def test_a_reader_who_leaves_ends_the_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([sys.executable, "-m", "mmreg", "schema"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_real_interrupt_reaches_the_message() -> None:
    code = (
        "import sys, time\nfrom mmreg.cli.main import guard\n"
        "def wait():\n print('ready', flush=True)\n while True: time.sleep(60)\n"
        "sys.exit(guard(wait, json=False, debug=False))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr.read().startswith(b"mmreg: interrupted")
