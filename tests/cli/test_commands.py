"""What all commands have in common: shared options, help with an example, near names, the reference page."""

from __future__ import annotations

import inspect
import json
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

import mmreg
from mmreg.cli.answers import ANSWERS, answer_schema
from mmreg.cli.main import SECTIONS, main
from mmreg.cli.reference import commands, reference

COMMANDS = list(commands())
ROOT = Path(__file__).parents[2]


def call(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == reference(), "python -m mmreg.cli.reference > docs/cli.md"


@pytest.mark.parametrize(("name", "command", "ctx"), COMMANDS, ids=[name for name, _, _ in COMMANDS])
def test_every_command_has_help_with_an_example_that_parses(
    name: str, command: click.Command, ctx: click.Context
) -> None:
    text = inspect.cleandoc(command.help or "")
    summary, _, example = text.partition("\b\nExample:\n")
    assert summary.splitlines()[0].endswith(".")
    assert example
    for line in example.splitlines():
        words = shlex.split(line.partition(" > ")[0])
        assert " ".join(words).startswith(f"{name} ") or words == name.split()
        with command.make_context(name, words[len(name.split()) :], parent=ctx.parent):
            pass


@pytest.mark.parametrize(("name", "command", "ctx"), COMMANDS, ids=[name for name, _, _ in COMMANDS])
def test_every_command_takes_json_and_fits_a_terminal(name: str, command: click.Command, ctx: click.Context) -> None:
    assert "json" in {parameter.name for parameter in command.params}
    result = call(*name.split()[1:], "--help")
    assert result.exit_code == 0
    assert "--json" in result.output
    example = next(line for line in result.output.splitlines() if line.strip().startswith(name))
    assert all(len(line) <= 80 for line in result.output.splitlines() if line != example)


@pytest.mark.parametrize("name", [name for names in SECTIONS.values() for name in names])
def test_the_line_in_the_overview_is_the_command_s_own(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    line = next(names[name] for names in SECTIONS.values() if name in names)
    assert command is not None and inspect.cleandoc(command.help or "").splitlines()[0] == line
    assert f"{name} " in call("--help").output and line in call("--help").output


def test_a_near_name_is_offered() -> None:
    result = call("lineage", "upp", "pairs")
    assert (result.exit_code, result.stderr) == (
        2,
        "mmreg: no command 'mmreg lineage upp'\n  Try: mmreg lineage up\n",
    )
    assert call("valdate").stderr == "mmreg: no command 'mmreg valdate'\n  Try: mmreg validate\n"
    assert call("zzz").stderr == "mmreg: no command 'mmreg zzz'\n  Try: mmreg --help\n"


def test_without_arguments_it_says_how_to_use_it() -> None:
    result = call()
    assert result.stderr.startswith("Usage: mmreg [OPTIONS] COMMAND") and result.exit_code == 2
    assert result.stderr == call("--help").stdout
    assert call("lineage").stderr.startswith("Usage: mmreg lineage")
    assert json.loads(call("lineage", "--json", "down").stderr)["error"]["code"] == "usage"


@pytest.mark.parametrize("group", ["lineage", "model", "train", "eval", "catalog"])
def test_the_lines_of_a_group_s_overview_are_whole(group: str) -> None:
    text = call(group, "--help").stdout
    assert "..." not in text.partition("Commands:")[2] and "--json" in text


def test_version() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"mmreg {mmreg.__version__}\n")


def test_json_may_stand_before_or_after_the_command(tmp_path: Path) -> None:
    for args in (["--json", "-C", str(tmp_path), "ls"], ["ls", "-C", str(tmp_path), "--json"]):
        result = call(*args)
        assert result.exit_code == 3
        assert result.stdout == ""
        assert json.loads(result.stderr)["error"]["code"] == "not_found"


def test_errors_of_the_command_line_itself_are_json_too() -> None:
    result = call("ls", "--bogus", "--json")
    assert result.exit_code == 2
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["hint"]) == ("usage", "mmreg ls --help") and "--bogus" in error["message"]
    assert json.loads(call("nope", "--json").stderr)["error"]["hint"] == "mmreg --help"


@pytest.mark.parametrize(
    "args",
    [
        ["show", "a b"],
        ["log", "../x"],
        ["lineage", "up", "a b:x"],
        ["model", "show", "clip@"],
        ["head", "x", "-n", "-1"],
        ["eval", "record", "clip", "pairs", "--metric", "r@1"],
        ["eval", "record", "clip", "pairs", "--metric", "r=high"],
    ],
    ids=" ".join,
)
def test_a_name_that_cannot_be_is_refused_before_anything_is_opened(args: list[str], tmp_path: Path) -> None:
    result = call("-C", str(tmp_path), *args)
    assert result.exit_code == 2
    assert result.stderr.startswith("mmreg: ")
    assert list(tmp_path.iterdir()) == []


def test_after_two_dashes_nothing_is_an_option(tmp_path: Path) -> None:
    result = call("-C", str(tmp_path), "plan", "--", "--json")
    assert result.exit_code == 3
    assert result.stderr.startswith("mmreg: no ")


def test_the_schema_of_the_declaration_is_json_schema() -> None:
    document = json.loads(call("schema").stdout)
    Draft202012Validator.check_schema(document)
    assert {"datasets", "passes", "checks"} <= set(document["properties"])


@pytest.mark.parametrize("name", [name.removeprefix("mmreg ") for name, _, _ in COMMANDS])
def test_every_answer_has_a_schema(name: str) -> None:
    document = json.loads(call("schema", *name.split()).stdout)
    Draft202012Validator.check_schema(document)
    assert document.get("type") in ("object", "array") or len(document["anyOf"]) > 1


def test_answers_are_those_of_the_commands() -> None:
    assert {f"mmreg {name}" for name in ANSWERS} == {name for name, _, _ in COMMANDS}
    assert call("schema", "lineage", "sideways").exit_code == 3
    assert "ok" in answer_schema("promote")["required"]
