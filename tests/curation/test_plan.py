"""Plan and apply: what runs and why, in which order, and that exactly this is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import FilterError, NotFound, PassFailed, UsageError

BLOCKED = """
version: 1
project: blocked
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text}}
passes:
  grade: {{from: pairs, use: clip_score, model: clip@champion, inputs: {{image: image, text: caption}}}}
  best:  {{from: pairs, into: best, use: filter, where: "clip_score > 0"}}
trainings:
  clip: {{from: pairs, command: [python, train.py], output: out, model: clip, alias: champion}}
"""

LOOP = """
version: 1
project: loop
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  grade: {{from: pairs, use: "counted:Words", model: net@champion, inputs: {{text: caption}}}}
  best:  {{from: pairs, into: best, use: filter, where: "n_words >= 2"}}
trainings:
  net: {{from: best, command: [python, train.py], output: out, model: net, alias: champion}}
"""


def steps(project: Any, *select: str) -> list[tuple[str, str]]:
    return [(step.name, step.action) for step in plan(project.open(), select).steps]


def test_everything_is_planned_upstream_first_and_then_nothing(project: Callable[..., Any]) -> None:
    small = project()
    names = ["pairs", "light", "words", "keep", "parts", "grade"]
    assert steps(small) == [(name, "run") for name in (*names, "train")], "and its checks"
    assert plan(small.open()).pending
    small.apply()
    assert steps(small) == [(name, "nothing") for name in (*names, "train")]
    assert not plan(small.open()).pending


def test_reasons_say_what_moved(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    small.draw("new", "two words")
    small.draw("001", "other words", seed=9)
    found = {step.name: step for step in plan(small.open()).steps}
    assert found["pairs"].reason == "1 added, 1 changed"
    assert found["pairs"].rows == 2


def test_a_pass_computes_exactly_the_rows_that_changed(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    before = len(small.calls())
    small.draw("new", "two words")
    small.apply()
    new = [call.split()[0] for call in small.calls()[before:]]
    assert sorted(new) == ["Brightness", "Brightness", "Words"], "light and grade read the picture, words the text"


def test_selectors(project: Callable[..., Any]) -> None:
    small = project()
    assert [name for name, _ in steps(small, "+keep")] == ["pairs", "words", "keep", "train"]
    assert [name for name, _ in steps(small, "words+")] == ["words", "keep", "parts", "grade"], "they wait for pairs"
    assert [name for name, _ in steps(small, "dataset:train")] == ["keep"]
    with pytest.raises(NotFound, match=r"nothing declared is called 'kepe'.*did you mean 'keep'"):
        steps(small, "kepe")


def test_a_pass_that_waits_for_a_model_is_blocked_on_its_training(project: Callable[..., Any]) -> None:
    small = project(declaration=BLOCKED)
    found = {step.name: step for step in plan(small.open()).steps}
    assert (found["grade"].action, found["grade"].reason) == ("blocked", "waits for training clip")
    assert found["clip"].action == "run"
    assert status(small.open()).passes[0].blocked == "waits for training clip"


def test_status_counts_every_row_once(project: Callable[..., Any]) -> None:
    small = project()
    small.draw("nothing", caption="   ")
    small.apply()
    small.erase("000")
    small.erase("001")
    small.apply("pairs")
    words = next(p for p in status(small.open()).passes if p.name == "words")
    assert (words.done, words.failed, words.missing, words.stale) == (4, 1, 0, 0)
    assert list(words.generations.values()) == [5]


def test_a_new_version_of_a_pass_makes_every_row_stale(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    code = small.folder / "counted.py"
    code.write_text(code.read_text().replace('version = "1"', 'version = "2"', 1))
    script = "import mmreg; print([(s.name, s.rows) for s in mmreg.plan(mmreg.Registry.open(), ['light']).steps])"
    out, err = small.python(script).communicate()
    assert out.strip() == "[('light', 6)]", err


def test_a_failing_pass_publishes_nothing_and_keeps_what_it_computed(project: Callable[..., Any]) -> None:
    small = project()
    file = small.folder / "mmreg.yaml"
    words = 'use: "counted:Words", inputs: {text: caption}'
    file.write_text(file.read_text().replace(words, words + ", on_error: fail"))
    small.draw("silent", caption=" ")
    with pytest.raises(PassFailed, match="pass words: 1 rows failed, and on_error is 'fail'"):
        small.apply()
    assert [entry.job for entry in small.open().log("pairs")] == ["pass light", "ingest pairs"]
    file.write_text(file.read_text().replace(", on_error: fail", ""))
    small.apply()
    assert len([call for call in small.calls() if call.startswith("Words")]) == 7, "no row was asked for twice"


def test_outputs_may_not_collide(project: Callable[..., Any]) -> None:
    small = project()
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("outputs: {brightness: grade}", "outputs: {brightness: brightness}"))
    with pytest.raises(UsageError, match="its output 'brightness' would be the column 'brightness', which pass"):
        plan(small.open())


def test_a_pass_over_a_derived_dataset_writes_to_the_root_and_moves_it_along(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    registry = small.open()
    train = registry.show("train@latest")
    assert train.version == 2, "kept rows, on the root version that has the new column"
    assert registry.open_version("train@latest").to_arrow(["grade"])["grade"].null_count == 0
    assert registry.open_version("pairs@latest").to_arrow(["grade"])["grade"].null_count == 2
    run = registry.catalog.run(train.run)
    assert [output.dataset for output in run.outputs] == ["pairs", "train"]


def test_a_row_on_which_a_pass_raises_fails_alone(project: Callable[..., Any], rows: Any) -> None:
    small = project()
    whole = (small.folder / "images" / "001.png").read_bytes()
    (small.folder / "images" / "cut.png").write_bytes(whole[: len(whole) // 2])
    report = {step.name: step for step in small.apply("pairs", "light").steps}
    assert (report["light"].outcome, report["light"].errors) == ("published", 1)
    for row in rows(small.open(), "pairs@latest").values():
        cut = row["_source"]["uri"] == "cut.png"
        assert (row["brightness"] is None) == cut
        assert (row["_mmreg_light"]["error"] or "").startswith("OSError: " if cut else "")


def test_a_pass_that_mostly_fails_publishes_nothing(project: Callable[..., Any]) -> None:
    small = project()
    for image in (small.folder / "images").glob("*.png"):
        image.write_bytes(image.read_bytes()[:-40])
    with pytest.raises(PassFailed, match=r"6 of 6 rows failed, above max_error_rate 0.5; nothing was published"):
        small.apply("pairs", "light")
    assert [entry.job for entry in small.open().log("pairs")] == ["ingest pairs"]


def test_a_model_that_learns_from_its_own_curation_is_a_loop_and_no_circle(project: Callable[..., Any]) -> None:
    small = project(declaration=LOOP)
    found = {step.name: (step.action, step.reason) for step in plan(small.open()).steps}
    assert list(found) == ["pairs", "grade", "best", "net"], "the pass takes the champion that there is"
    assert found["grade"] == ("blocked", "waits for training net")
    (small.folder / "first.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    small.open().model_add(small.folder / "first.safetensors", "net", alias="champion")
    assert plan(small.open()).steps[1].action == "run"


def test_a_predicate_that_only_lance_refuses_is_told_as_one(project: Callable[..., Any]) -> None:
    small = project()
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("n_words >= 2", "regexp_like(caption, '(')"))
    with pytest.raises(FilterError, match=r"pass keep: .*regex"):
        small.apply()
