"""Impact, licences and comparisons as text: whatever they hold, a terminal gets plain lines, and few of them."""

from __future__ import annotations

from mmreg.cli.plain import to_json
from mmreg.cli.render import render
from mmreg.cli.render.layout import paint
from mmreg.cli.text import HOSTILE
from mmreg.schemas.comparison import Changed, ComparedMetric, Comparison, Score, Shared
from mmreg.schemas.impact import Impact, Remedy, TouchedEvaluation, TouchedModel, TouchedName, TouchedVersion
from mmreg.schemas.license import Licenses, RowTerms, Terms, TermsConflict

BAD = "a\x1b[2J\u202eb\nc"


def shown(value: object) -> list[str]:
    return [paint(line, colour=False) for line in render(value)]


def version(number: int, **more: object) -> TouchedVersion:
    facts: dict[str, object] = {"ways": {"content": ("pairs@v1", f"pairs@v{number}")}, "rows": 5, **more}
    return TouchedVersion(f"pairs@v{number}", f"{number}", **facts)


def test_nothing_steers_a_terminal() -> None:
    one = TouchedVersion(BAD, BAD, {"chosen": (BAD,)}, 1, columns=(BAD,))
    model = TouchedModel(BAD, BAD, {"trained": (BAD, BAD)}, aliases=(BAD,))
    evaluation = TouchedEvaluation(BAD, (BAD,), (BAD,), (BAD,), {BAD: 0.5})
    impact = Impact(
        BAD, (BAD,), (one,), (model,), (evaluation,), (TouchedName("alias", BAD, BAD),), (Remedy(BAD, BAD),)
    )
    terms = Terms("model", BAD, BAD, BAD, BAD, "nobody", (BAD,))
    rows = RowTerms(BAD, BAD, BAD, BAD, 3)
    licenses = Licenses(BAD, BAD, BAD, BAD, (terms,), (rows,), (BAD,), (TermsConflict((BAD,), BAD),))
    names = Shared((BAD,), (BAD,), (BAD,))
    metric = ComparedMetric(BAD, BAD, BAD, Score(1, None, (1.0,)), None, None)
    changed = (Changed(BAD, BAD, BAD, None),)
    comparison = Comparison(
        "model", BAD, BAD, names, names, None, names, changed, names, {BAD: (None, None)}, (metric,)
    )
    for value in (impact, licenses, comparison):
        assert not any(HOSTILE.search(line) for line in shown(value))
        assert not HOSTILE.search(to_json(value, indent=None))


def test_versions_that_follow_each_other_and_differ_in_nothing_are_one_line() -> None:
    many = tuple(version(number) for number in range(2, 500))
    lines = shown(Impact("pairs@v1", ("pairs@v1",), (*many, version(500, latest=True))))
    assert len(lines) == 6
    assert lines[-2].startswith("pairs@v2 to v499") and lines[-1].startswith("pairs@v500")


def test_a_promoted_version_has_a_line_of_its_own() -> None:
    lines = shown(Impact("pairs@v1", ("pairs@v1",), (version(2), version(3, promoted=True), version(4))))
    assert [line.split()[0] for line in lines[-3:]] == ["pairs@v2", "pairs@v3", "pairs@v4"]


def test_a_long_way_shows_both_ends() -> None:
    steps = tuple(f"step{number}@v{number}" for number in range(40))
    (line,) = shown(Impact("x", (), (version(2, ways={"content": steps}),)))[-1:]
    assert "step0@v0 > step1@v1 > (36 steps) > step38@v38 > step39@v39" in line
