"""What a declaration refers to must be there, be made once, and not wait for itself."""

from __future__ import annotations

import pytest

from mmreg.errors import NotFound, SpecError
from mmreg.schemas.document import parse_project, roots_of

HEAD = """\
version: 1
project: p
models: {clip0: {uri: weights}}
datasets:
  pairs:
    source: {type: imagefolder, path: data}
    columns: {image: {type: image}, caption: {type: text}}
  more:
    source: {type: jsonl, path: more.jsonl}
    columns: {image: {type: image}, said: {type: text}}
"""

LOOP = """\
passes:
  clip: {from: pairs, use: clip_score, model: clip@champion, inputs: {image: image}, outputs: {score: clip_score}}
  train: {from: pairs, into: train, use: filter, where: clip_score >= 0.28}
trainings:
  clip: {from: train, command: [x], output: o, model: clip, init_from: clip0}
"""


def problems(marked: str) -> list[str]:
    """The messages for a text in which each « marks the place of an error, in their order."""
    text = HEAD + marked
    expected = []
    for number, line in enumerate(text.splitlines(), 1):
        while "«" in line:
            expected.append(f"mmreg.yaml:{number}:{line.index('«') + 1}")
            line = line.replace("«", "", 1)
    with pytest.raises(SpecError) as caught:
        parse_project(text.replace("«", ""))
    told = [line for line in str(caught.value).splitlines() if line.startswith("mmreg.yaml:")]
    assert [line.split(": ")[0] for line in told] == expected, str(caught.value)
    return [line.split(": ", 1)[1] for line in told]


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        # datasets
        ("passes: {a: {from: «pair, use: x}}", "there is no dataset 'pair'; did you mean 'pairs'?"),
        ("passes: {a: {from: pairs, use: x, into: s, sample: {like: «mroe}}}", "did you mean 'more'?"),
        ("trainings: {t: {from: «train, command: [x], output: o, model: m}}", "there is no dataset 'train'"),
        (
            "trainings: {t: {from: pairs, command: [x], output: o, model: m, evaluate_on: {«held: null}}}",
            "there is no dataset 'held'",
        ),
        ("checks: {«pair: []}", "did you mean 'pairs'?"),
        # made twice
        (
            "passes: {a: {from: pairs, use: filter, into: s}, b: {from: pairs, use: filter, into: «s}}",
            "there is already a dataset 's'",
        ),
        ("passes: {a: {from: pairs, use: filter, into: «more}}", "there is already a dataset 'more'"),
        ("passes: {a: {from: pairs, use: filter, into: «Pairs}}", "differs from 'pairs' only by case"),
        ("passes: {a: {from: pairs, use: x, outputs: {o: «caption}}}", "'pairs' has a column 'caption' of its own"),
        (
            "passes: {a: {from: pairs, use: x, outputs: {o: q}}, b: {from: pairs, use: x, outputs: {o: «q}}}",
            "the pass 'a' already makes 'q'",
        ),
        ("passes: {a: {from: pairs, use: x, outputs: {o: q, p: «q}}}", "already makes 'q'"),
        (
            "passes: {a: {from: pairs, use: x, outputs: {o: q}, renamed_from: «b}, b: {from: more, use: y}}",
            "'b' is declared as well",
        ),
        # splits
        ("passes: {a: {from: pairs, use: x, split: «train}}", "is a root dataset and has no splits"),
        (
            "trainings: {t: {from: pairs, split: «train, command: [x], output: o, model: m}}",
            "is a root dataset and has no splits",
        ),
        (
            "trainings: {t: {from: pairs, command: [x], output: o, model: m, evaluate_on: {more: «test}}}",
            "is a root dataset and has no splits",
        ),
        # models
        ("passes: {a: {from: pairs, use: x, model: «clip1@best}}", "did you mean 'clip0'?"),
        (
            "trainings: {t: {from: pairs, command: [x], output: o, model: m, init_from: «clop0}}",
            "did you mean 'clip0'?",
        ),
        # columns
        ("passes: {a: {from: pairs, use: x, inputs: {text: «captoin}}}", "did you mean 'caption'?"),
        ("passes: {a: {from: pairs, use: x, inputs: {text: «said}}}", "there is no column 'said'"),
        ("passes: {a: {from: pairs, use: x, inputs: {text: «out}, outputs: {o: out}}}", "there is no column 'out'"),
        ("passes: {a: {from: pairs, use: x, rows: «imgae.width > 3}}", "did you mean 'image'"),
        ("passes: {a: {from: pairs, use: filter, into: s, where: «captoin IS NULL}}", "did you mean 'caption'?"),
        ("checks: {pairs: [{check: not_null, column: «captoin}]}", "did you mean 'caption'?"),
        # predicates
        ("passes: {a: {from: pairs, use: filter, into: s, where: «'1 = 1; DROP TABLE x'}}", "';' is not allowed"),
        ("passes: {a: {from: pairs, use: x, rows: «a and}}", "it is no expression"),
        # circles
        ("passes: {«a: {from: d, use: filter, into: d}}", "passes wait for each other: a -> a"),
        (
            "passes:\n  «a: {from: e, use: filter, into: d}\n  b: {from: d, use: filter, into: e}",
            "passes wait for each other: a -> b -> a",
        ),
        (
            "passes:\n"
            "  «a: {from: pairs, use: x, inputs: {i: c}, outputs: {o: a}}\n"
            "  b: {from: pairs, use: x, inputs: {i: a}, outputs: {o: b}}\n"
            "  c: {from: pairs, use: x, inputs: {i: b}, outputs: {o: c}}",
            "passes wait for each other: a -> c -> b -> a",
        ),
        (
            "passes:\n"
            "  «sel: {from: pairs, use: filter, into: d, where: score > 1}\n"
            "  s: {from: d, use: x, outputs: {score: score}}",
            "passes wait for each other: sel -> s -> sel",
        ),
        (
            "passes:\n"
            "  «one: {from: pairs, use: filter, into: d, sample: {like: e}}\n"
            "  two: {from: pairs, use: filter, into: e, sample: {like: d}}",
            "passes wait for each other: one -> two -> one",
        ),
    ],
)
def test_names_that_mean_nothing(marked: str, reason: str) -> None:
    (message,) = problems(marked)
    assert reason in message


def test_datasets_may_not_differ_by_case_alone() -> None:
    again = "  «Pairs:\n    source: {type: jsonl, path: x}\n    columns: {a: {type: text}}\n"
    assert problems(again) == ["'Pairs' differs from 'pairs' only by case"]


def test_a_reference_column_needs_its_dataset() -> None:
    again = "  r:\n    source: {type: jsonl, path: x}\n    columns: {a: {type: ref, dataset: «pears}}\n"
    assert problems(again) == ["there is no dataset 'pears'; did you mean 'pairs'?"]


@pytest.mark.parametrize(
    "text",
    [
        LOOP,
        # outputs of a pass that declares none are known only to its code
        "passes: {a: {from: pairs, use: image_stats}, b: {from: pairs, use: x, inputs: {i: phash}, rows: width > 3}}",
        "passes: {a: {from: pairs, use: image_stats}}\nchecks: {pairs: [{check: range, column: width}]}",
        # a selection carries its split, and a state column is there for every pass
        "passes: {a: {from: pairs, use: split, into: s}, b: {from: s, into: t, use: filter, where: split = 'test'}}",
        "passes: {a: {from: pairs, use: x, outputs: {o: c}}, b: {from: pairs, use: x, rows: _mmreg_a.state = 1}}",
        "passes: {a: {from: pairs, use: filter, into: s}, b: {from: s, use: x, split: train}}",
        # the same output on another root
        "passes: {a: {from: pairs, use: x, outputs: {o: q}}, b: {from: more, use: x, outputs: {o: q}}}",
        "passes: {a: {from: pairs, use: x, inputs: {i: image.bytes}, outputs: {o: q}}}",
        # one model is both declared and made: the first round has something to start from
        LOOP.replace("model: clip,", "model: clip0,").replace("clip@champion", "clip0"),
    ],
)
def test_what_fits_together(text: str) -> None:
    assert parse_project(HEAD + text).project == "p"


def test_the_root_behind_a_dataset() -> None:
    spec = parse_project(
        HEAD
        + "passes:\n"
        + "  a: {from: pairs, use: filter, into: s}\n"
        + "  b: {from: s, use: split, into: t}\n"
        + "  c: {from: more, use: filter, into: u}\n"
    )
    assert [roots_of(spec, name) for name in ("pairs", "s", "t", "more", "u")] == ["pairs"] * 3 + ["more"] * 2
    with pytest.raises(NotFound, match="no dataset 'ss' is declared; did you mean 's'"):
        roots_of(spec, "ss")
