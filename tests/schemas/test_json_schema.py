"""The published JSON Schema accepts what the parser accepts, and underlines what an editor can know is wrong."""

from __future__ import annotations

import jsonschema
import pytest

from mmreg.errors import SpecError
from mmreg.schemas.document import json_schema, parse_project
from mmreg.schemas.located import plain, read

HEAD = "version: 1\nproject: p\n"
SMALL = HEAD + "datasets: {d: {source: {type: jsonl, path: x}, columns: {a: {type: text}}}}\n"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def valid(validator: jsonschema.Draft202012Validator, text: str) -> bool:
    return bool(validator.is_valid(plain(read(text, "mmreg.yaml"))))


def test_it_accepts_the_example(validator: jsonschema.Draft202012Validator, example: str) -> None:
    assert valid(validator, example)
    alone = example.split("defaults:\n")[0].replace("include: []\n", "")
    assert "profiles" not in alone and valid(validator, alone)


@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        SMALL + "lake: x\n",
        SMALL + "lake: {uri: 's3://b', options: {region: x}}\n",
        SMALL + "checks: {d: [{check: range, column: a, max_value: 3}]}\n",
        SMALL + "defaults: {passes: {from: d}}\npasses: {p: {use: x}}\n",
        SMALL + "passes: {p: {use: x}}\nprofiles: {ci: {defaults: {passes: {from: d}}}}\n",
    ],
)
def test_it_accepts(validator: jsonschema.Draft202012Validator, text: str) -> None:
    profile = "ci" if "profiles" in text else None
    assert parse_project(text, profile=profile)
    assert valid(validator, text)


@pytest.mark.parametrize(
    "text",
    [
        "project: p\n",
        "version: 2\nproject: p\n",
        "version: 1\nproject: 3\n",
        "version: 1\nproject: a b\n",
        HEAD + "lak: x\n",
        HEAD + "lake: 3\n",
        HEAD + "lake: {url: x}\n",
        HEAD + "datasets: {d: {columns: {a: {type: text}}}}\n",
        HEAD + "datasets: {'a b': {source: {type: jsonl, path: x}, columns: {a: {type: text}}}}\n",
        SMALL.replace("a: {type", "a.b: {type"),
        SMALL.replace("text", "txt"),
        SMALL.replace("path", "pth"),
        SMALL + "passes: {a.b: {from: d, use: x}}\n",
        SMALL + "passes: {p: {from: d, use: x, max_error_rate: 2}}\n",
        SMALL + "trainings: {t: {from: d, command: x, output: o, model: m}}\n",
        SMALL + "checks: {d: [{column: x}]}\n",
        SMALL + "models: {m: {uri: x, api_key: sk-123}}\n",
        SMALL + "defaults: {lake: x}\n",
        SMALL + "defaults: {passes: {on_eror: skip}}\n",
        SMALL + "profiles: {ci: {lak: x}}\n",
        SMALL + "profiles: {ci: {datasets: {d: {source: {pth: x}}}}}\n",
        SMALL + "include: x\n",
    ],
)
def test_it_refuses_what_the_parser_refuses(validator: jsonschema.Draft202012Validator, text: str) -> None:
    with pytest.raises(SpecError):
        parse_project(text)
    assert not valid(validator, text)
