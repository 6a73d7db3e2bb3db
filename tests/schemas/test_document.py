"""Declarations: what is refused, exactly where, and how includes, defaults and profiles come together."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmreg.errors import NotFound, SpecError, UsageError
from mmreg.schemas.document import MAX_SHOWN, load_document, load_project, parse_document, parse_project

HEAD = "version: 1\nproject: p\n"
PAIRS = """\
datasets:
  pairs:
    source: {type: imagefolder, path: data}
    columns:
      image: {type: image}
      caption: {type: text}
"""
TRAINING = "trainings:\n  t: {from: a, command: [a], output: o, model: m}\n"


def refused(marked: str, **options: str) -> SpecError:
    """Parse a text in which « marks the place of its error; the place is checked here."""
    before, _, after = marked.partition("«")
    with pytest.raises(SpecError) as caught:
        parse_project(before + after, "mmreg.yaml", **options)
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    error = caught.value
    assert (error.file, error.line, error.column) == ("mmreg.yaml", line, column), str(error)
    return error


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        # keys
        (HEAD + "«lak: x\n", "unknown key 'lak'; did you mean 'lake'?"),
        (HEAD + PAIRS.replace("source: {type", "source: {«captoins: x, type"), "did you mean 'captions'?"),
        (HEAD + "passes:\n  a: {from: a, use: b, «form: c}\n", "unknown key 'form'; did you mean 'from'"),
        (HEAD + "passes:\n  a: {from: a, use: b, «from_: c}\n", "unknown key 'from_'"),
        (HEAD + "lake: {uri: x, «optoins: {}}\n", "did you mean 'options'?"),
        (HEAD + "budget: {«modelcalls: 3}\n", "did you mean 'model_calls'?"),
        (HEAD + PAIRS + "«project: q\n", "duplicate key 'project'"),
        ("«project: p\n", "the key 'version' is missing"),
        (HEAD + "datasets:\n  «d: {columns: {a: {type: text}}}\n", "the key 'source' is missing"),
        (HEAD + "datasets:\n  d:\n    «source: {type: jsonl}\n    columns: {a: {type: text}}\n", "'path' is missing"),
        (HEAD + "checks:\n  d:\n    - «{column: x}\n", "the key 'check' is missing"),
        # types
        ("version: 1\nproject: «3\n", "expected text, not 3; put it in quotes"),
        ("version: 1\nproject: «1.10\n", "expected text, not 1.1; put it in quotes"),
        ("version: 1\nproject: «true\n", "expected text, not true"),
        ("version: 1\n«project: \n", "expected text, not nothing"),
        (HEAD + "datasets: «[]\n", "expected a map, not a list"),
        (HEAD + "passes:\n  a: «nothing\n", "expected a map, not 'nothing'"),
        (HEAD + "lake: «3\n", "expected a map, not 3"),
        (HEAD + TRAINING.replace("[a]", "«python x.py"), "expected a list, not 'python x.py'"),
        (HEAD + TRAINING.replace("[a]", "[a, «1]"), "expected text, not 1; put it in quotes"),
        (HEAD + TRAINING.replace("[a]", "«[]"), "expected at least 1 item"),
        (HEAD + TRAINING.replace("[a]", "[a], seeds: [«1.5]"), "expected a whole number, not 1.5"),
        (HEAD + PAIRS.replace("{type: text}", '{type: text, nullable: «"yes"}'), "expected true or false, not 'yes'"),
        (HEAD + PAIRS.replace("{type: text}", "{type: text, nullable: «yes}"), "expected true or false, not 'yes'"),
        (HEAD + "passes:\n  a: {from: a, use: b, max_error_rate: «2}\n", "less than or equal to 1"),
        (HEAD + "passes:\n  a: {from: a, use: b, max_error_rate: «'0.1'}\n", "expected a number"),
        # values
        ("version: «2\nproject: p\n", "2 is not allowed here"),
        (HEAD + PAIRS.replace("imagefolder", "«imagefoldr"), "not allowed here; did you mean 'imagefolder'?"),
        (HEAD + PAIRS.replace("text}", "«txt}"), "did you mean 'text'?"),
        (HEAD + "passes:\n  a: {from: a, use: b, on_error: «skp}\n", "did you mean 'skip'?"),
        # names
        ("version: 1\nproject: «a b\n", "'a b' is no name"),
        ("version: 1\nproject: «-a\n", "'-a' is no name"),
        (f"version: 1\nproject: «{'a' * 101}\n", "is no name"),
        (HEAD + "datasets:\n  «../x: {source: {type: jsonl, path: a}, columns: {a: {type: text}}}\n", "is no name"),
        (HEAD + PAIRS.replace("caption:", "«_caption:"), "'_caption' is mmreg's own"),
        (HEAD + PAIRS.replace("caption:", "«sample_id:"), "'sample_id' is mmreg's own"),
        (HEAD + PAIRS.replace("caption:", "«a.b:"), "'.' is not allowed in it"),
        (HEAD + "passes:\n  «a.b: {from: a, use: b}\n", "'a.b' is no pass name"),
        (HEAD + "passes:\n  «source: {from: a, use: b}\n", "a pass cannot be called 'source'"),
        (HEAD + "passes:\n  a: {from: a, use: b, outputs: {x: «_y}}\n", "'_y' is mmreg's own"),
        (HEAD + "passes:\n  a: {from: a, use: b, model: «clip@}\n", "ends after '@'"),
        # what belongs together
        (HEAD + PAIRS.replace("path: data", "path: data, «repo: x"), "'repo' belongs to sources of type dvc"),
        (HEAD + PAIRS.replace("imagefolder, path: data", "jsonl, path: x, «captions: x"), "'captions' belongs"),
        (HEAD + PAIRS.replace("caption: {type: text}", "«e: {type: embedding}"), "needs 'dim'"),
        (HEAD + PAIRS.replace("{type: text}", "{type: text, «dim: 3}"), "'dim' belongs to columns of type embedding"),
        (HEAD + PAIRS.replace("{type: text}", "{type: text, «storage: inline}"), "'storage' belongs"),
        (HEAD + PAIRS.replace("{type: text}", "{type: text, «dtype: float16}"), "'dtype' belongs"),
        (HEAD + PAIRS + "    identity: [source, «tile]\n", "identity names the column 'tile'"),
        (HEAD + PAIRS + "passes:\n  a: {from: pairs, use: b, «sample: {rows: 1, fraction: 0.5}}\n", "exactly one of"),
        (HEAD + "datasets:\n  d: {source: {type: jsonl, path: a}, columns: «{}}\n", "expected at least 1 item"),
        # profiles and defaults, used or not
        (HEAD + "profiles: {ci: {«lak: x}}\n", "did you mean 'lake'?"),
        (HEAD + "profiles: {ci: {datasets: {d: {source: {«pth: x}}}}}\n", "did you mean 'path'?"),
        (HEAD + "profiles: {ci: {«include: [x]}}\n", "unknown key 'include'"),
        (HEAD + "defaults: {«datasts: {}}\n", "did you mean 'datasets'?"),
        (HEAD + "defaults: {passes: {«on_eror: skip}}\n", "did you mean 'on_error'?"),
        (HEAD + "defaults: {datasets: {license: «3}}\n" + PAIRS, "expected text, not 3"),
        (HEAD + "defaults: {passes: «[]}\n", "expected a map"),
        (HEAD + "defaults: «[]\n", "expected a map"),
        (HEAD + "profiles: «[]\n", "expected a map"),
        # a file as a whole
        ("«- a\n", "a project file is a map"),
        ("«just text\n", "a project file is a map"),
        ("«", "'version' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(marked: str, reason: str) -> None:
    error = refused(marked)
    assert reason in str(error)
    assert error.code == "spec" and error.exit_status == 2


def test_the_message_shows_the_line() -> None:
    assert str(refused(HEAD + "«lak: x\n")).splitlines() == [
        "mmreg.yaml:3:1: unknown key 'lak'; did you mean 'lake'?",
        "  | lak: x",
        "  | ^",
    ]


def test_all_errors_are_told_in_the_order_of_the_file() -> None:
    with pytest.raises(SpecError) as caught:
        parse_project("version: 2\nprojct: p\nlake: 3\n")
    places = [line.split(": ")[0] for line in str(caught.value).splitlines() if line.startswith("mmreg")]
    assert places == ["mmreg.yaml:1:1", "mmreg.yaml:1:10", "mmreg.yaml:2:1", "mmreg.yaml:3:7"]


def test_at_most_ten_errors_are_told() -> None:
    with pytest.raises(SpecError) as caught:
        parse_project(HEAD + "".join(f"zzz{i}: 1\n" for i in range(25)))
    told = [line for line in str(caught.value).splitlines() if line.startswith("mmreg.yaml:")]
    assert len(told) == MAX_SHOWN and str(caught.value).endswith("and 15 more")


@pytest.mark.parametrize(
    "secret",
    [
        "lake: {uri: 's3://b', options: {aws_secret_access_key: AKIAsecret}}",
        "lake: {uri: 's3://b', options: {token: AKIAsecret}}",
        "lake: s3://me:AKIAsecret@b/x",
        "catalog: postgresql+psycopg://me:AKIAsecret@host/db",
        "models: {m: {uri: 'https://h/v1', framework: openai, api_key: AKIAsecret}}",
        "models: {m: {uri: 'https://h/v1?X-Amz-Signature=AKIAsecret'}}",
        "datasets: {d: {source: {type: dvc, path: x, repo: 'https://me:AKIAsecret@h/r'}, columns: {a: {type: text}}}}",
        "lake: {uri: 's3://b', options: {secret_key: AKIAsecret}, optins: {}}",
    ],
)
def test_secrets_are_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_project(HEAD + secret)
    assert caught.value.line == 3
    assert "AKIAsecret" not in str(caught.value) and "AKIAsecret" not in repr(caught.value)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_references_to_secrets_are_fine() -> None:
    spec = parse_project(
        HEAD
        + "lake: {uri: 's3://b', options: {aws_secret_access_key: 'env:KEY', region: x}}\n"
        + "models: {m: {uri: 'https://h/v1', framework: openai, api_key: 'file:key.txt'}}\n"
    )
    assert spec.models["m"].api_key == "file:key.txt"


def test_defaults_go_under_every_entry() -> None:
    spec = parse_project(
        HEAD
        + PAIRS
        + "      r: {type: text, nullable: true}\n"
        + "    license: mit\n"
        + "defaults:\n"
        + "  datasets: {license: cc0-1.0, description: x, source: {limits: {max_pixels: 5}}}\n"
        + "  passes: {from: pairs, on_error: fail, params: {a: 1, b: 2}}\n"
        + "  trainings: {from: pairs, command: [x]}\n"
        + "  checks: {severity: warning}\n"
        + "passes: {a: {use: x}, b: {use: y, on_error: skip, params: {b: 3}}}\n"
        + "trainings: {t: {output: o, model: m}}\n"
        + "checks: {pairs: [{check: row_count}, {check: unique, column: image, severity: error}]}\n"
    )
    assert (spec.datasets["pairs"].license, spec.datasets["pairs"].description) == ("mit", "x")
    assert spec.datasets["pairs"].source.limits.max_pixels == 5
    assert (spec.passes["a"].on_error, spec.passes["b"].on_error) == ("fail", "skip")
    assert spec.passes["b"].params == {"a": 1, "b": 3}
    assert spec.trainings["t"].from_ == "pairs"
    assert [check.severity for check in spec.checks["pairs"]] == ["warning", "error"]


def test_defaults_cannot_blow_up() -> None:
    text = HEAD + "defaults: {passes: {params: {" + ", ".join(f"k{i}: 1" for i in range(4000)) + "}}}\n"
    passes = "passes:\n" + "".join(f"  p{i}: {{from: a, use: b}}\n" for i in range(900))
    with pytest.raises(SpecError, match="would add more than") as caught:
        parse_project(text + passes)
    assert caught.value.line == 3


def test_a_profile_is_laid_over_the_file() -> None:
    text = HEAD + "lake: a\nbudget: {model_calls: 5}\n" + PAIRS + (
        "profiles:\n"
        "  ci: {lake: b, budget: null, datasets: {pairs: {source: {path: small}, license: mit}}}\n"
        "  new: {datasets: {more: {source: {type: jsonl, path: x}, columns: {a: {type: text}}}}}\n"
        "  strict: {defaults: {datasets: {license: cc0}}}\n"
    )  # fmt: skip
    plain, ci = parse_project(text), parse_project(text, profile="ci")
    assert plain.lake == "a" and plain.budget is not None
    assert ci.lake == "b" and ci.budget is None
    assert (ci.datasets["pairs"].source.path, ci.datasets["pairs"].license) == ("small", "mit")
    assert ci.datasets["pairs"].source.type == "imagefolder"
    assert list(parse_project(text, profile="new").datasets) == ["pairs", "more"]
    assert parse_project(text, profile="strict").datasets["pairs"].license == "cc0"


def test_an_error_in_a_profile_is_told_where_the_profile_is() -> None:
    refused(HEAD + PAIRS + "profiles:\n  ci: {datasets: {pairs: {license: «3}}}\n", profile="ci")


def test_an_unknown_profile_is_a_mistake_of_the_call() -> None:
    with pytest.raises(UsageError, match="no profile 'prodd'; did you mean 'prod'") as caught:
        parse_project(HEAD + "profiles: {prod: {}}\n", profile="prodd")
    assert not isinstance(caught.value, SpecError)
    with pytest.raises(UsageError, match="there is none yet"):
        parse_project(HEAD, profile="ci")


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "mmreg.yaml"


def test_includes_add_their_entries(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        mmreg=HEAD + "include: [data.yaml, parts/passes.yaml]\n" + "checks: {pairs: []}\n",
        data=PAIRS + "include: [models.yaml]\n",
        models="models: {m: {uri: weights/m}}\n",
        parts__passes="passes: {a: {from: pairs, use: x, model: m}}\ndefaults: {passes: {on_error: fail}}\n",
    )
    spec = load_project(file)
    assert (list(spec.datasets), list(spec.models), list(spec.passes)) == (["pairs"], ["m"], ["a"])
    assert spec.passes["a"].on_error == "fail"


def test_paths_in_an_included_file_are_relative_to_it(tmp_path: Path) -> None:
    source = "{type: %s, path: d/x, %s}"
    columns = "columns: {a: {type: text}}"
    file = write(
        tmp_path,
        mmreg=HEAD + "include: [parts/one.yaml, parts/more/two.yaml]\n",
        parts__one="datasets:\n"
        f"  a: {{source: {source % ('jsonl', 'media_root: ../media')}, {columns}}}\n"
        f"  b: {{source: {source % ('dvc', 'repo: ../repo')}, {columns}}}\n"
        f"  c: {{source: {source % ('dvc', 'repo: https://h/r')}, {columns}}}\n"
        f"  d: {{source: {{type: parquet, path: /abs/x}}, {columns}}}\n"
        "models: {m: {uri: w/m}, n: {uri: 'hf://org/n'}}\n"
        "passes: {p: {from: a, use: x, prompt: say.txt}}\n"
        "profiles: {ci: {datasets: {a: {source: {path: tiny}}}}}\n",
        parts__more__two="trainings: {t: {from: a, command: [python, t.py], output: out, model: t}}\n",
    )
    spec = load_project(file)
    sources = {name: dataset.source for name, dataset in spec.datasets.items()}
    assert (sources["a"].path, sources["a"].media_root) == ("parts/d/x", "media")
    assert (sources["b"].path, sources["b"].repo) == ("d/x", "repo")
    assert (sources["c"].repo, sources["d"].path) == ("https://h/r", "/abs/x")
    assert (spec.models["m"].uri, spec.models["n"].uri) == ("parts/w/m", "hf://org/n")
    assert spec.passes["p"].prompt == "parts/say.txt"
    assert spec.trainings["t"].output == "parts/more/out"
    assert load_project(file, "ci").datasets["a"].source.path == "parts/tiny"


def test_what_two_files_declare_names_both(tmp_path: Path) -> None:
    file = write(tmp_path, mmreg=HEAD + PAIRS + "include: [data.yaml]\n", data="\n" + PAIRS)
    with pytest.raises(SpecError, match=r"datasets\.pairs is declared twice; the first is at") as caught:
        load_project(file)
    assert caught.value.file is not None and caught.value.file.endswith("data.yaml")
    assert (caught.value.line, caught.value.column) == (3, 3)
    assert "mmreg.yaml:4:3" in str(caught.value)
    write(tmp_path, data="project: q\n")
    with pytest.raises(SpecError, match="project is declared twice"):
        load_project(file)


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    file = write(tmp_path, mmreg=HEAD + "include: [data.yaml]\n", data=PAIRS.replace("text", "txt"))
    with pytest.raises(SpecError) as caught:
        load_project(file)
    assert caught.value.file is not None and caught.value.file.endswith("data.yaml")
    assert (caught.value.line, caught.value.column) == (6, 23)


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ("[nothing.yaml]", "'nothing.yaml' is not there"),
        ("[mmreg.yaml]", "already part of this project"),
        ("[a.yaml, ./a.yaml]", "already part of this project"),
        ("[/etc/hostname]", "must be relative"),
        ("[.]", "is no file"),
        ("a.yaml", "expected a list of files"),
        ("[3]", "expected the path of a file"),
        ("[round.yaml]", "already part of this project"),
    ],
)
def test_includes_that_cannot_be(tmp_path: Path, include: str, reason: str) -> None:
    file = write(tmp_path, mmreg=HEAD + f"include: {include}\n", a="models: {}\n", round="include: [mmreg.yaml]\n")
    with pytest.raises(SpecError, match=reason):
        load_project(file)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        load_project(tmp_path / "mmreg.yaml")
    with pytest.raises(NotFound):
        load_project(tmp_path)
    file = tmp_path / "mmreg.yaml"
    file.write_bytes(b"version: 1\nproject: \xff\n")
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        load_project(file)
    assert caught.value.line == 2
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(SpecError, match="longer than"):
        load_project(file)
    file.write_bytes(b"#" * 1024 * 1024 + "é".encode())
    with pytest.raises(SpecError, match="longer than"):
        load_project(file)


def test_a_document_knows_where_things_were_said(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        mmreg=HEAD
        + "include: [data.yaml]\ndefaults:\n  passes: {on_error: fail}\npasses:\n  a: {from: pairs, use: x}\n",
        data=PAIRS,
    )
    document = load_document(file)
    assert str(document.locate("passes", "a")).endswith("mmreg.yaml:7:3")
    assert str(document.locate("passes", "a", "on_error")).endswith("mmreg.yaml:5:12")
    assert str(document.locate("passes", "a", "model")).endswith("mmreg.yaml:7:3")
    assert str(document.locate("datasets", "pairs", "columns", "caption")).endswith("data.yaml:6:7")
    assert str(document.locate("passes", "a", "use", key=False)).endswith("mmreg.yaml:7:25")


def test_python_says_the_same() -> None:
    from mmreg.schemas.declaration import ColumnSpec, DatasetSpec, PassSpec, ProjectSpec, SourceSpec
    from mmreg.schemas.document import check

    twin = ProjectSpec(
        version=1,
        project="p",
        datasets={
            "pairs": DatasetSpec(
                source=SourceSpec(type="imagefolder", path="data"),
                columns={"image": ColumnSpec(type="image"), "caption": ColumnSpec(type="text")},
            )
        },
        passes={"a": PassSpec(from_="pairs", use="x")},
    )
    assert check(twin) == parse_project(HEAD + PAIRS + "passes: {a: {from: pairs, use: x}}\n")
    wrong = twin.model_copy(update={"passes": {"a": PassSpec(from_="pair", use="x")}})
    with pytest.raises(SpecError, match=r"passes.a.from: there is no dataset 'pair'; did you mean 'pairs'\?"):
        check(wrong)


def test_an_alias_may_stand_for_a_whole_entry() -> None:
    text = HEAD + PAIRS.replace("pairs:\n", "pairs: &p\n") + "  again: {<<: *p, license: mit}\n"
    spec = parse_document(text).spec
    assert spec.datasets["again"].columns == spec.datasets["pairs"].columns
