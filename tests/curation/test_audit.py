"""Write, audit, publish: apply checks what it made, a failed version stays and is never what a name means."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from click.testing import CliRunner

from mmreg.cli.main import main
from mmreg.config import load
from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import Conflict, NotFound, UsageError
from mmreg.registry.lock import read_lock
from mmreg.registry.validate import publish

SHORT = "    - {check: row_count, max_value: 4}\n"
TRAINING = """
trainings:
  learn: {from: train, command: [python, learn.py], output: out, model: own, evaluate_on: {splits: test}}
"""
LEARN = """
import os, pathlib
read = [os.environ[name] for name in ("MMREG_DATA", "MMREG_EVAL_SPLITS")]
pathlib.Path(os.environ["MMREG_OUTPUT"], "read").write_text(" ".join(read))
"""


@pytest.fixture
def audited(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project whose dataset `train` has 4 rows, and may not have more."""
    small = project()
    monkeypatch.setenv("CALLS", str(small.folder / "calls.log"))
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text() + SHORT)
    return small


def grow(small: Any, name: str = "more") -> None:
    """Let `train` fail its checks with the next apply."""
    small.draw(name, "two words")


def steps(report: Any, kind: str = "check") -> list[tuple[str, str]]:
    return [(step.name, step.outcome) for step in report.steps if step.kind == kind]


def declare(small: Any, before: str, after: str) -> None:
    file = small.folder / "mmreg.yaml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def cli(small: Any, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["-C", str(small.folder), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_apply_checks_what_it_made_and_only_that(audited: Any) -> None:
    report = audited.apply()
    assert steps(report) == [("train", "passed")] and report.ok
    registry = audited.open()
    assert registry.show("train").verdict == "passed"
    assert len(registry.runs("validation")) == 1
    again = audited.apply()
    assert steps(again) == [("train", "unchanged")]
    assert len(audited.open().runs("validation")) == 1, "what is known is not checked again"
    assert steps(audited.apply("light")) == []
    assert steps(audited.apply("keep")) == [("train", "unchanged")]
    assert steps(audited.apply("grade")) == [("train", "unchanged")], "a pass over train makes versions of it"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{check: rangee, column: image.width, min_value: 1}", "unknown check 'rangee'"),
        ("{check: range, column: image.width, min_valu: 1}", "unknown argument of range 'min_valu'"),
        ("{check: range, column: image, min_value: 1}", "not a column of numbers"),
        ("{check: not_null, column: captoin}", "unknown column 'captoin'"),
        ("{check: lineage.no_leak, evaluation: splits, by: media}", "need 'column'"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused_before_a_pass_is_paid_for(audited: Any, wrong: str, said: str) -> None:
    declare(audited, SHORT, f"{SHORT}    - {wrong}\n")
    with pytest.raises(UsageError, match=said):
        audited.apply()
    assert not audited.open().runs("pass")


def test_a_column_that_others_have_put_into_the_lake_can_be_checked(audited: Any) -> None:
    audited.apply()
    table = lance.dataset(str(audited.folder / "lake" / "pairs.lance"))
    table.add_columns(pa.field("rated", pa.int32()))
    declare(audited, SHORT, SHORT.replace("4", "5") + "    - {check: not_null, column: rated}\n")
    grow(audited)
    assert steps(audited.apply()) == [("train", "failed")], "nobody has rated them"


def test_a_failed_version_stays_marked_and_is_never_what_its_name_means(audited: Any) -> None:
    audited.apply()
    grow(audited)
    report = audited.apply()
    assert steps(report) == [("train", "failed")] and not report.ok
    (failed,) = (step for step in report.steps if step.kind == "check")
    registry = audited.open()
    newest = registry.show("train@latest")
    assert failed.ref == newest.ref and failed.hint == f"mmreg validate {newest.ref}"
    assert "1 of 2 checks failed: row_count: 5 rows" in failed.message
    assert (newest.verdict, newest.judged_by) == ("failed", registry.runs("validation")[0].id)
    meant = registry.show("train")
    assert (meant.rows, meant.verdict, meant.ref) == (4, "passed", registry.log("train")[2].ref)
    assert registry.log("train")[0].verdict == "failed"
    again = audited.apply()
    assert steps(again) == [("train", "failed")] and len(audited.open().runs("validation")) == 2


def test_a_version_follows_its_last_validation(audited: Any) -> None:
    grow(audited)
    audited.apply()
    with pytest.raises(NotFound, match="has failed its checks, and none before it has passed"):
        audited.open().show("train")
    declare(audited, "max_value: 4}", "max_value: 4, severity: warning}")
    report = audited.apply()
    assert steps(report) == [("train", "passed")] and report.ok, "its checks are declared anew"
    assert "1 of them with what stops nothing" in report.steps[-1].message
    assert audited.open().show("train").verdict == "passed"
    declare(audited, "severity: warning", "severity: error")
    assert steps(audited.apply()) == [("train", "failed")]
    declare(audited, SHORT.replace("4}", "4, severity: error}"), "")
    assert steps(audited.apply()) == [("train", "passed")], "one check less is another declaration"


def test_what_a_baseline_lets_pass_has_failed_all_the_same(audited: Any) -> None:
    grow(audited)
    assert steps(audited.apply()) == [("train", "failed")]
    known = str(audited.folder / "known.json")
    assert cli(audited, "validate", "--baseline", known, "--update-baseline")[0] == 0
    assert cli(audited, "validate", "--baseline", known)[0] == 0
    assert audited.open().show("train@latest").verdict == "failed"
    assert cli(audited, "promote", "train")[0] == 1


def test_without_checks_a_promotion_forgets_that_it_failed(audited: Any) -> None:
    grow(audited)
    audited.apply()
    file = audited.folder / "mmreg.yaml"
    file.write_text(file.read_text().partition("checks:")[0])
    registry = audited.open()
    assert registry.promote("train").ok
    assert (registry.show("train").promoted, registry.show("train").verdict) == (True, "")


def test_a_plan_says_what_would_be_checked(audited: Any) -> None:
    def checks() -> list[tuple[str, str]]:
        return [(step.action, step.reason) for step in plan(audited.open()).steps if step.kind == "check"]

    assert checks() == [("run", "after select keep")]
    audited.apply()
    ref = audited.open().show("train").ref
    assert checks() == [("nothing", f"{ref}  2 checks passed")]
    assert not plan(audited.open()).pending
    declare(audited, "max_value: 4", "max_value: 3")
    assert checks() == [("run", f"{ref} is declared to be checked anew")]
    before = plan(audited.open())
    assert before.pending and before.digest == plan(audited.open(), ["pairs"]).digest, "checks spend nothing"
    audited.apply()
    ((action, reason),) = checks()
    assert action == "failed" and reason.startswith(f"{ref}  1 of 2 checks failed: row_count")
    planned = plan(audited.open())
    assert not planned.pending
    assert planned.steps[-1].notes == (f"mmreg validate {ref} shows what failed",)
    assert [step.action for step in status(audited.open()).steps if step.kind == "check"] == ["failed"]
    code, out, _ = cli(audited, "plan")
    assert code == 0 and "! failed" in out and "Nothing to do. 1 dataset failed checks." in out


def test_no_training_reads_what_failed(audited: Any) -> None:
    (audited.folder / "learn.py").write_text(textwrap.dedent(LEARN))
    file = audited.folder / "mmreg.yaml"
    file.write_text(file.read_text() + TRAINING)
    grow(audited)
    assert [step.action for step in plan(audited.open()).steps if step.kind == "training"] == ["run"]
    report = audited.apply()
    assert steps(report, "training") == [("learn", "blocked")] and steps(report) == [("train", "failed")]
    (blocked,) = (step for step in report.steps if step.kind == "training")
    ref = audited.open().show("train@latest").ref
    assert blocked.message.startswith(f"its data failed: {ref}  1 of 2 checks failed: row_count")
    assert blocked.hint == f"mmreg validate {ref}"
    assert audited.open().models() == []
    (planned,) = (step for step in plan(audited.open()).steps if step.kind == "training")
    assert planned.action == "blocked" and planned.reason.startswith(f"its data failed: {ref}")
    code, out, _ = cli(audited, "apply", "learn")
    assert code == 1 and "blocked" in out and f"Try: mmreg validate {ref}" in out
    audited.erase("more")
    report = audited.apply()
    assert steps(report, "training") == [("learn", "trained")] and steps(report) == [("train", "passed")]
    checked = audited.open().show("train@latest").ref
    assert (audited.folder / "out" / "read").read_text().split()[0] == checked


def test_what_is_evaluated_on_is_checked_as_well(audited: Any) -> None:
    (audited.folder / "learn.py").write_text(textwrap.dedent(LEARN))
    file = audited.folder / "mmreg.yaml"
    file.write_text(file.read_text() + "  splits:\n    - {check: row_count, min_value: 100}\n" + TRAINING)
    report = audited.apply()
    assert sorted(steps(report)) == [("splits", "failed"), ("train", "passed")]
    assert steps(report, "training") == [("learn", "blocked")]


def test_apply_promotes_what_passed_and_locks(audited: Any) -> None:
    file = audited.folder / "mmreg.yaml"
    file.write_text(file.read_text() + "  pairs:\n    - {check: row_count, min_value: 1}\n")
    report = apply(audited.open(), promote=True)
    assert steps(report, "promotion") == [("train", "promoted"), ("pairs", "promoted")]
    assert report.lock == "mmreg.lock"
    lock = read_lock(load(audited.folder))
    assert [name for name, entry in lock.datasets.items() if entry.promoted] == ["pairs", "train"]
    first = (audited.folder / "mmreg.lock").read_bytes()
    assert steps(apply(audited.open(), promote=True), "promotion") == [], "they mean that already"
    assert (audited.folder / "mmreg.lock").read_bytes() == first
    grow(audited)
    report = apply(audited.open(), promote=True)
    assert not report.ok and steps(report, "promotion") == [("pairs", "promoted")]
    then, now = lock.datasets, read_lock(load(audited.folder)).datasets
    assert now["train"] == then["train"] and now["pairs"].rows == then["pairs"].rows + 1


def test_the_command_says_it_and_exits_with_1(audited: Any) -> None:
    code, out, err = cli(audited, "apply", "--promote")
    assert code == 0 and "+ passed" in out and "+ promoted" in out
    assert "mmreg.lock says what names mean: it belongs into git." in err
    grow(audited)
    code, out, _ = cli(audited, "apply", "--json")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["lock"]) == (1, False, None)
    ref = next(step["ref"] for step in answer["steps"] if step["kind"] == "check")
    code, out, _ = cli(audited, "ls")
    assert code == 0 and f"{ref} failed" in out
    assert f"failed its checks, run {audited.open().runs('validation')[0].id}" in cli(audited, "log", "train")[1]
    assert "failed its checks" in cli(audited, "show", ref)[1]
    code, out, err = cli(audited, "promote", "train")
    assert code == 1 and "was not promoted" in err


def test_lock_alone_promotes_nothing(audited: Any) -> None:
    assert cli(audited, "apply", "--lock")[0] == 0
    assert not any(entry.promoted for entry in read_lock(load(audited.folder)).datasets.values())
    assert "promotion" not in {run.job.kind for run in audited.open().runs()}


def test_through_a_profile_names_have_a_lock_of_their_own(audited: Any) -> None:
    file = audited.folder / "mmreg.yaml"
    file.write_text(file.read_text() + "profiles:\n  tiny: {project: tiny}\n")
    assert cli(audited, "--profile", "tiny", "apply", "--lock")[0] == 0
    assert [path.name for path in audited.folder.glob("*.lock")] == ["mmreg.tiny.lock"]
    assert read_lock(load(audited.folder, "tiny")).project == "tiny"


def test_promoting_writes_the_lock_also_without_git(audited: Any) -> None:
    audited.apply()
    assert not (audited.folder / "mmreg.lock").exists() and not (audited.folder / ".git").exists()
    assert cli(audited, "promote", "train")[0] == 0
    assert read_lock(load(audited.folder)).datasets["train"].promoted


def test_a_version_that_somebody_else_has_failed_meanwhile_is_not_promoted(audited: Any, tmp_path: Path) -> None:
    """Two checkouts with different declarations: one passes the version, the other fails it before it is promoted."""
    audited.apply()
    mine = audited.open()
    (report,) = mine.validate("train@latest")
    row = mine.latest("train")
    strict = tmp_path / "strict"
    strict.mkdir()
    text = (audited.folder / "mmreg.yaml").read_text().replace("max_value: 4", "max_value: 3")
    (strict / "mmreg.yaml").write_text(text.replace("./lake", str(audited.folder / "lake")))
    (theirs,) = type(mine).open(strict).validate("train@latest")
    assert report.ok and not theirs.ok
    with pytest.raises(Conflict, match=f"passed, and meanwhile failed in run {theirs.run}") as failed:
        publish(mine, row, report.run)
    assert "promote again" in str(failed.value.hint)
    assert not mine.show(row.ref).promoted
    assert mine.promote("train").ok, "who checks again has the last word"


def test_an_index_made_anew_says_the_same(audited: Any, answers: Callable[..., dict[str, Any]]) -> None:
    audited.apply()
    grow(audited)
    audited.apply()
    before = answers(audited.open(), reading=False)
    audited.open().rebuild()
    assert answers(audited.open(), reading=False) == before


def test_clean_up_keeps_what_the_name_means_instead_of_a_failed_version(audited: Any) -> None:
    declare(audited, "project: small", "project: small\nretention: {keep_versions: 1, keep_days: 0}")
    audited.apply()
    grow(audited)
    audited.apply()
    grow(audited, "another")
    audited.apply()
    registry = audited.open()
    meant = registry.show("train")
    assert meant.rows == 4
    fates = {fate.ref: fate for fate in registry.gc("train").versions}
    assert fates[meant.ref].keep
    assert any(reason.told == "what train means" for reason in fates[meant.ref].reasons)
