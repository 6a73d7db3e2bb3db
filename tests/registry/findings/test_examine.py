"""The doctor of a dataset finds each planted defect, names its cure, and finds nothing in what is well."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

import mmreg.registry.findings as findings
from mmreg.cli.main import main
from mmreg.errors import NotFound
from mmreg.schemas.diagnosis import DIAGNOSES, DatasetReport, Diagnosis
from mmreg.schemas.run import Job, Run, RunInput, RunState

DECLARATION = """
version: 1
project: ill
lake: {lake}
models:
  clip: {{uri: weights, framework: other}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images, limits: {{max_pixels: 4096}}}}
    columns: {{image: {{type: image}}, caption: {{type: text, nullable: true}}}}
  held:
    source: {{type: imagefolder, path: held}}
    columns: {{image: {{type: image}}, caption: {{type: text, nullable: true}}}}
passes:
  stats: {{from: pairs, use: image_stats, inputs: {{image: image}}}}
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}, max_error_rate: 1}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 2"}}
  parts: {{from: train, into: splits, use: split, params: {{test: 0.4, seed: 7}}}}
trainings:
  own: {{from: splits, split: train, command: [python, learn.py], output: out, model: own, evaluate_on: {{held: null}}}}
"""
LEARN = 'import os, pathlib; pathlib.Path(os.environ["MMREG_OUTPUT"], "w").write_bytes(b"trained")'


@pytest.fixture
def ill(project: Callable[..., Any]) -> Any:
    """A project that is well so far: eight pictures, three others to evaluate on."""
    made = project(images=0, declaration=DECLARATION)
    for number in range(8):
        drawn(made.folder / "images" / f"{number}.png", number, f"a picture of thing {number}")
    for number in range(20, 23):
        drawn(made.folder / "held" / f"{number}.png", number, f"one of the others {number}")
    (made.folder / "weights").mkdir()
    (made.folder / "weights" / "w").write_bytes(b"weights")
    (made.folder / "learn.py").write_text(textwrap.dedent(LEARN))
    return made


def drawn(file: Path, number: int, caption: str | None) -> None:
    """A picture that looks like no other: 64 squares, black or white by the bits of a number."""
    file.parent.mkdir(exist_ok=True)
    bits = number * 0x9E3779B97F4A7C15 + 0x1234567
    picture = Image.new("L", (8, 8))
    picture.putdata([255 * (bits >> place & 1) for place in range(64)])
    picture.resize((32, 32), Image.Resampling.NEAREST).save(file)
    if caption is not None:
        file.with_suffix(".txt").write_text(caption)


def found(report: DatasetReport) -> dict[str, list[Diagnosis]]:
    return {code: [one for one in report.findings if one.code == code] for code in {f.code for f in report.findings}}


def test_in_what_is_well_nothing_is_found(ill: Any) -> None:
    ill.apply()
    for name in ("pairs", "train", "splits", "held"):
        report = ill.open().examine(name)
        assert report.ok, report.findings
        assert set(found(report)) <= {"unused_versions", "model_without_data"}
        assert {*report.looked_for, *report.unanswered} == set(DIAGNOSES)


def test_exact_and_near_duplicates_with_the_pass_that_finds_them(ill: Any) -> None:
    images = ill.folder / "images"
    shutil.copy(images / "3.png", images / "again.png")
    whole = Image.open(images / "4.png")
    whole.putpixel((0, 0), 255 - whole.getpixel((0, 0)))
    whole.save(images / "nearly.png")
    ill.apply()
    report = ill.open().examine("pairs")
    (exact,), (near,) = found(report)["exact_duplicates"], found(report)["near_duplicates"]
    assert (exact.count, exact.of, len(exact.examples)) == (1, 10, 1)
    assert near.count == 2
    assert exact.cure == (
        "dedup: {from: pairs, use: dedup, inputs: {content: image}}, "
        "and {from: pairs, into: NAME, use: filter, where: dedup_kept}"
    )
    file = ill.folder / "mmreg.yaml"
    cured = "passes:\n  dedup: {from: pairs, use: dedup, inputs: {content: image, hash: phash}}\n"
    cured += "  unique: {from: pairs, into: unique, use: filter, where: dedup_kept}\n"
    file.write_text(file.read_text().replace("passes:\n", cured))
    ill.apply()
    assert "exact_duplicates" not in found(ill.open().examine("unique"))
    assert "near_duplicates" not in found(ill.open().examine("unique"))
    (exact,) = found(ill.open().examine("pairs"))["exact_duplicates"]
    assert exact.cure == "{from: pairs, into: NAME, use: filter, where: dedup_kept}", "the pass is there"


def test_bombs_and_other_records_that_were_rejected(ill: Any) -> None:
    Image.new("L", (100, 100)).save(ill.folder / "images" / "bomb.png")
    (ill.folder / "images" / "torn.png").write_bytes(b"no picture")
    ill.apply()
    report = ill.open().examine("pairs")
    (bomb,), (other,) = found(report)["bombs"], found(report)["rejected"]
    assert (bomb.count, bomb.of, bomb.message, bomb.note) == (1, 10, "1 pixel_limit", True)
    assert bomb.examples[0]["source"] == "bomb.png" and bomb.examples[0]["reason"].startswith("pixel_limit")
    assert (other.count, other.message) == (1, "1 not_an_image")
    assert report.ok, "they are kept out"
    assert "bombs" in ill.open().examine("train").unanswered


def test_rows_that_failed_or_are_stale(ill: Any) -> None:
    drawn(ill.folder / "images" / "mute.png", 40, None)
    ill.apply()
    (stale,) = found(ill.open().examine("pairs"))["stale"]
    assert (stale.count, "with an error of words" in stale.message) == (1, True)
    assert "mmreg apply" in stale.cure
    drawn(ill.folder / "images" / "mute.png", 40, "it speaks now")
    drawn(ill.folder / "images" / "new.png", 41, "never computed")
    ill.apply("pairs")
    (stale,) = found(ill.open().examine("pairs"))["stale"]
    assert stale.count == 2 and "never computed by" in stale.message


def test_what_leaks_into_evaluation_and_between_splits(ill: Any) -> None:
    for number in range(3):
        shutil.copy(ill.folder / "images" / f"{number}.png", ill.folder / "held" / f"leaked{number}.png")
        for again in range(4):  # of five that are the same some come into each split
            shutil.copy(ill.folder / "images" / f"{number}.png", ill.folder / "images" / f"{number}-{again}.png")
            (ill.folder / "images" / f"{number}-{again}.txt").write_text(
                f"the same thing {number} for the {again}th time"
            )
    ill.apply()
    leaks = found(ill.open().examine("pairs"))["leak_evaluation"]
    assert [leak.message.partition(":")[0] for leak in leaks] == ["held, image"]
    assert leaks[0].count == 15 and "none_of: [held]" in leaks[0].cure
    (between, *_) = found(ill.open().examine("splits"))["leak_splits"]
    assert between.count and "group" in between.cure
    assert "leak_splits" in ill.open().examine("pairs").unanswered


def test_a_selection_that_throws_away_what_is_rare(ill: Any) -> None:
    for number in range(100, 260):
        caption = f"rarity{number} thing" if number % 4 == 0 else "a plain thing"
        drawn(ill.folder / "images" / f"{number}.png", number, caption)
    file = ill.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("n_words >= 2", "n_words >= 3"))
    ill.apply("pairs", "words", "keep")
    for name in ("pairs", "train"):
        (loss,) = found(ill.open().examine(name))["tail_loss"]
        assert loss.message.startswith(f"{ill.open().latest('train').ref}, caption: ")
        assert "mmreg show train" in loss.cure


def test_what_hangs_on_nothing(ill: Any) -> None:
    ill.apply()
    ill.erase("7")
    ill.apply("pairs")
    drawn(ill.folder / "images" / "8.png", 8, "one more")
    ill.apply("pairs")
    registry = ill.open()
    moment = "2026-01-01T00:00:00.000000Z"
    used = (
        RunInput("checkpoint", "ab" * 32, "gone"),
        RunInput("version", "not-here", "pairs@v99", role="evaluated_on"),
    )
    registry.record(
        Run("20260101T000000.000000Z-0", Job("evaluation", "gone"), RunState.COMPLETE, moment, moment, used)
    )
    report = registry.examine("pairs")
    (unused,), (lost,) = found(report)["unused_versions"], found(report)["evaluation_without_link"]
    versions = [example["ref"] for example in unused.examples]
    assert unused.count == len(versions) and registry.latest("pairs").ref not in versions
    assert (lost.count, lost.of, lost.examples[0]["reason"]) == (1, 1, "pairs@v99 is not known")
    assert unused.note and lost.note


def test_a_model_of_unknown_data(ill: Any) -> None:
    file = ill.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("text: caption}, max", "text: caption}, model: clip, max"))
    ill.apply("+words")
    (model,) = found(ill.open().examine("pairs"))["model_without_data"]
    assert (model.count, model.of) == (1, 1)
    assert model.examples[0]["ref"].startswith("model:clip@")


def test_captions_that_say_nothing(ill: Any) -> None:
    for number in range(3):
        (ill.folder / "images" / f"{number}.txt").write_text("Buy now at our shop")
    (ill.folder / "images" / "3.txt").write_text("IMG_1234.jpg")
    ill.apply()
    (finding,) = found(ill.open().examine("pairs"))["boilerplate"]
    assert (finding.count, finding.of) == (4, 8)
    assert finding.message.startswith("caption: ") and "use: caption" in finding.cure
    assert any("Buy now" in example["value"] for example in finding.examples)


def test_a_version_that_failed_its_checks(ill: Any) -> None:
    with (ill.folder / "mmreg.yaml").open("a") as file:
        file.write("checks:\n  train:\n    - {check: row_count, min_value: 100}\n")
    ill.apply()
    report = ill.open().examine("train")
    (failed,) = found(report)["failed_checks"]
    assert failed.cure == f"mmreg validate {report.version}"
    assert not report.ok


def test_the_command_prints_it_and_exits_with_1(ill: Any) -> None:
    shutil.copy(ill.folder / "images" / "3.png", ill.folder / "images" / "again.png")
    ill.apply()
    before = len(ill.open().runs())
    done = CliRunner().invoke(main, ["-C", str(ill.folder), "doctor", "pairs"])
    assert done.exit_code == 1
    assert re.search(r"found +exact_duplicates +image: 1 of 9", done.stdout)
    assert "Cure: dedup: {from: pairs, use: dedup" in done.stdout and "It needs a hand." in done.stdout
    done = CliRunner().invoke(main, ["-C", str(ill.folder), "doctor", "held", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["ok"]
    assert len(ill.open().runs()) == before, "nothing is recorded"
    done = CliRunner().invoke(main, ["-C", str(ill.folder), "doctor", "pairs", "--upgrade"])
    assert done.exit_code == 2
    with pytest.raises(NotFound):
        ill.open().examine("nothing")


def test_every_code_is_one_that_some_idea_finds() -> None:
    folder = Path(findings.__file__).parent
    used = set(
        re.findall(
            r'(?:Ask|Unanswered|Diagnosis|_rejected)\(\s*"(\w+)"', "".join(map(Path.read_text, folder.glob("*.py")))
        )
    )
    assert used == set(DIAGNOSES)
