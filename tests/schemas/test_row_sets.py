"""Row sets in a declaration: what belongs to which use, what refers to nothing, what waits for itself."""

from __future__ import annotations

import pytest

from mmreg.errors import NotFound, SpecError, UsageError
from mmreg.schemas.document import all_roots, parse_project, roots_of

HEAD = """\
version: 1
project: p
datasets:
  pairs: {source: {type: imagefolder, path: data}, columns: {image: {type: image}, rank: {type: float}}}
  more: {source: {type: jsonl, path: more.jsonl}, columns: {text: {type: text}}}
passes:
  low: {from: pairs, into: low, use: filter, where: rank < 1}
  other: {from: more, into: other, use: filter}
"""


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        ("a: {use: filter, into: a}", "a", "the key 'from' is missing"),
        ("a: {use: mix, into: a}", "a", "a mix needs 'datasets', each with its weight"),
        ("a: {from: pairs, use: mix, into: a, datasets: {low: 1}}", "from", "'from' is no key of a mix"),
        ("a: {use: mix, into: a, where: rank > 1, datasets: {low: 1}}", "where", "'where' is no key of a mix"),
        ("a: {use: mix, into: a, datasets: {lo: 1}}", "lo: 1", "there is no dataset 'lo'; did you mean 'low'?"),
        ("a: {use: mix, into: a, datasets: {low: 0}}", "0", "input should be greater than 0"),
        ("a: {from: pairs, use: x, top: {column: rank, rows: 1}}", "top", "'top' belongs to a pass with use: filter"),
        (
            "a: {from: pairs, use: split, into: a, all_of: [low]}",
            "all_of",
            "'all_of' belongs to a pass with use: filter",
        ),
        ("a: {from: pairs, use: filter, into: a, datasets: {low: 1}}", "datasets", "belongs to a pass with use: mix"),
        ("a: {from: pairs, use: filter, into: a, any_of: [lo]}", "lo]", "there is no dataset 'lo'"),
        ("a: {from: pairs, use: filter, into: a, none_of: [other]}", "other", "they have none in common"),
        ("a: {from: pairs, use: filter, into: a, top: {column: rank}}", "top", "exactly one of 'fraction' and 'rows'"),
        ("a: {from: pairs, use: filter, into: a, top: {column: rnk, rows: 1}}", "rnk", "there is no column 'rnk'"),
        ("a: {from: pairs, use: filter, into: a, band: {column: rank, low: 0.5, high: 0.5}}", "band", "lies below its"),
        ("a: {from: low, use: filter, into: a, all_of: [a]}", "a:", "passes wait for each other: a -> a"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(line: str, place: str, reason: str) -> None:
    text = f"{HEAD}  {line}\n"
    with pytest.raises(SpecError) as caught:
        parse_project(text)
    assert reason in str(caught.value)
    first = str(caught.value).splitlines()[0]
    lines = text.splitlines()
    assert first.startswith(f"mmreg.yaml:{len(lines)}:{lines[-1].index(place) + 1}: "), first


def test_mixtures_have_all_the_roots_of_their_datasets() -> None:
    spec = parse_project(
        HEAD
        + "  mixed: {use: mix, into: mixed, datasets: {other: 2, low: 1, pairs: 1}}\n"
        + "  again: {use: mix, into: again, datasets: {low: 1, pairs: 1}}\n"
        + "  part: {from: mixed, use: filter, into: part, none_of: [low], where: rank > 0}\n"
    )
    assert all_roots(spec, "mixed") == all_roots(spec, "part") == ("more", "pairs")
    assert roots_of(spec, "again") == "pairs"
    with pytest.raises(UsageError, match=r"'part' mixes rows of several roots \(more, pairs\)"):
        roots_of(spec, "part")
    with pytest.raises(NotFound):
        all_roots(spec, "nothing")


def test_every_dataset_that_a_pass_reads_is_named_once() -> None:
    spec = parse_project(
        HEAD + "  a: {from: low, use: filter, into: a, all_of: [low], none_of: [pairs], sample: {like: other}}\n"
    )
    assert spec.passes["a"].reads == ("low", "pairs", "other")
