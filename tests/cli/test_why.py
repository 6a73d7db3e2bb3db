"""`mmreg why`, and `mmreg diff` and `mmreg show` of derived datasets, as a person sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def declare(project: Any, old: str, new: str) -> None:
    file: Path = project.folder / "mmreg.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def sample_of(project: Any, width: int) -> str:
    (row,) = project.json("query", "pairs", "--where", f"width = {width}", "--columns", "sample_id")
    return str(row["sample_id"])


def test_why_a_sample_was_left_out_and_admitted_again(project: Any) -> None:
    sample = sample_of(project, 32)
    told = project.text("why", "train", sample[:8])
    assert told.splitlines()[0] == f"{sample}  train@v1  not in it"
    assert told.splitlines()[1] == "dropped by train@v1 because width 32 < 48"
    declare(project, "width >= 48", "width >= 30")
    project.text("apply", "keep")
    answer = project.json("why", "train", sample)
    assert answer["kept"] is True
    assert answer["decisions"][0]["values"]["width"] == 32
    assert [past["reason"] for past in answer["history"]] == ["where: width >= 48"]
    told = project.text("why", "train", sample)
    assert "\nbefore that\n  train@v1  dropped  width 32 < 48\n" in told
    assert "\x1b" not in told and "\u202e" not in told  # the caption is among the cells, made harmless


def test_why_of_what_cannot_be_answered(project: Any) -> None:
    unknown = project.call("why", "train", "0" * 32)
    assert unknown.exit_code == 3
    assert "train@v1 never had a sample" in unknown.stderr
    assert project.call("why", "train", "no-id").exit_code == 2
    column = project.call("why", "train", sample_of(project, 48), "widht")
    assert column.exit_code == 3
    assert "has no column 'widht'; did you mean 'width'?" in column.stderr


def test_diff_tells_what_became_of_the_rows(project: Any) -> None:
    declare(project, "width >= 48 AND caption IS NOT NULL", "width < 60 AND caption IS NOT NULL")
    project.text("apply", "keep", status=1)  # fewer rows than its checks want
    answer = project.json("diff", "train@v1", "train@v2")["selection"]
    assert (answer["kept"], answer["dropped"], answer["readmitted"], answer["new"]) == (1, 3, 1, 0)
    assert answer["dropped_reasons"] == {"where: width < 60": 3}
    assert answer["readmitted_reasons"] == {"where: width >= 48": 1}
    lines = [line.strip() for line in project.text("diff", "train@v1", "train@v2").splitlines()]
    assert [line for line in lines if line[:1] in "13"] == [
        "1 readmitted, left out before",
        "1  where: width >= 48",
        "3 dropped",
        "3  where: width < 60",
    ]
    assert "= 1 sample kept" in lines
    assert project.json("diff", "pairs@v1", "pairs@v2")["selection"] is None


def test_show_tells_what_was_dropped_and_what_a_mixture_is_made_of(project: Any) -> None:
    assert project.json("show", "train")["dropped"] == {
        "where: caption IS NOT NULL": 1,
        "where: width >= 48": 1,
    }
    declare(
        project,
        "checks:",
        "  small: {from: pairs, into: small, use: filter, where: width < 60}\n"
        "  mixed: {into: mixed, use: mix, datasets: {train: 3, small: 1}, sample: {rows: 4}}\nchecks:",
    )
    planned = {step["name"]: step["action"] for step in project.json("plan")["steps"]}
    assert (planned["small"], planned["mixed"]) == ("run", "run")
    assert "mixed" in project.text("status")
    project.text("apply", "+mixed")
    assert not project.json("plan")["pending"]
    given = {share["dataset"]: share for share in project.json("show", "mixed")["mix"]}
    assert (given["train"]["rows"], given["train"]["supply"]) == (3, 4)
    assert (given["small"]["rows"], given["small"]["supply"]) == (1, 1)  # another of its rows counts for train
    lines = [line.split() for line in project.text("show", "mixed").splitlines()]
    assert ["train", "3", "4", "3", "0.75", "0.75"] in lines
    assert ["1", "mix:", "not", "drawn", "for", "train"] in lines


def test_why_a_value_is_what_it_is(project: Any) -> None:
    sample = sample_of(project, 48)
    told = project.text("why", "train", sample, "width").splitlines()
    assert any(line.startswith("pairs@v2:width  48") for line in told)
    (made_by,) = [line.split(maxsplit=2)[2] for line in told if line.strip().startswith("made by")]
    assert made_by.startswith("pass stats (image_stats 1), score, generation ")
    cell = project.json("why", "train", sample, "width")["cell"]
    (image,) = cell["inputs"]
    assert (cell["value"], cell["state"], image["source"]["path"]) == (48, "made", image["way"][0].partition(":")[2])
    assert any(line.split() == ["sha256", image["value"]["sha256"]] for line in told)
    assert "\x1b" not in "".join(told)


def test_what_would_let_it_in_again_is_printed(project: Any) -> None:
    told = project.text("why", "train", sample_of(project, 32))
    assert "\n  what would let it in again\n    width >= 48  width 32 < 48, by 16\n" in told


def test_find_and_orphans_as_a_person_sees_them(project: Any) -> None:
    sample = sample_of(project, 48)
    lines = project.text("find", sample).splitlines()
    assert lines[1].split()[:2] == ["sample", sample]
    digest = project.json("query", "pairs", "--where", "width = 48", "--columns", "image")[0]["image"]["sha256"]
    (hit,) = project.json("find", f"sha256:{digest[:8]}")["hits"]
    assert (hit["kind"], hit["digest"]) == ("media", digest)
    assert project.call("find", "f" * 60).exit_code == 3
    assert project.call("find", "f" * 7).exit_code == 2
    found = {kind["kind"]: kind["of"] for kind in project.json("orphans")["kinds"]}
    assert found["unused_version"] >= 3
    assert project.text("orphans").splitlines()[-1].startswith("none: ")
    assert project.call("orphans", "pears").exit_code == 3
