"""Row sets against plain Python: ranks, bands, set algebra, mixtures and samples, whatever the order of the rows."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.curation.selections.algebra import outside
from mmreg.curation.selections.fates import Fates
from mmreg.curation.selections.hashing import hashes
from mmreg.curation.selections.mix import drawn, shares
from mmreg.curation.selections.ranked import band, top
from mmreg.curation.selections.sample import sampled
from mmreg.schemas.declaration import BandSpec, PassSpec, SampleSpec, TopSpec

# Few different values, so that there are ties; and both zeros, which are one value.
numbers = st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False), st.just(-0.0))
scored = st.dictionaries(st.binary(min_size=16, max_size=16), numbers, max_size=40)
shares_of_one = st.floats(0, 1)


def ranked(rows: dict[bytes, float]) -> list[bytes]:
    """From the lowest to the highest; of equals the one with the smaller hash ranks higher."""
    place = dict(zip(rows, hashes(list(rows)).tolist(), strict=True))
    return sorted(rows, key=lambda row: (rows[row], -place[row]))


def masked(rows: dict[bytes, float], mask: np.ndarray[Any, Any]) -> set[bytes]:
    return {row for row, chosen in zip(rows, mask.tolist(), strict=True) if chosen}


@given(scored, st.integers(1, 50))
def test_the_top_rows_are_those_that_sorting_puts_last(rows: dict[bytes, float], count: int) -> None:
    values, ties = np.array(list(rows.values()), float), hashes(list(rows))
    assert masked(rows, top(values, ties, TopSpec(column="c", rows=count))) == set(ranked(rows)[-count:])


@given(scored, st.floats(0, 1, exclude_min=True))
def test_a_top_share_has_exactly_its_number_of_rows(rows: dict[bytes, float], fraction: float) -> None:
    values, ties = np.array(list(rows.values()), float), hashes(list(rows))
    wanted = round(fraction * len(rows))
    found = masked(rows, top(values, ties, TopSpec(column="c", fraction=fraction)))
    assert found == set(ranked(rows)[len(rows) - wanted :])


@given(scored, st.lists(shares_of_one, min_size=1, max_size=3, unique=True))
def test_bands_that_meet_share_no_row_and_leave_none_out(rows: dict[bytes, float], edges: list[float]) -> None:
    values, ties = np.array(list(rows.values()), float), hashes(list(rows))
    whole = sorted({0.0, 1.0, *edges})
    seen: list[bytes] = []
    for low, high in pairwise(whole):
        below, above = band(values, ties, BandSpec(column="c", low=low, high=high))
        assert not (below & above).any()
        inside = masked(rows, ~(below | above))
        assert inside == set(ranked(rows)[round(low * len(rows)) : round(high * len(rows))])
        seen += inside
    assert sorted(seen) == sorted(rows)


@given(scored, st.integers(1, 50), st.randoms(use_true_random=False))
def test_which_rows_rank_high_does_not_depend_on_their_order(rows: dict[bytes, float], count: int, random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = {row: rows[row] for row in shuffled}
    found = [
        masked(r, top(np.array(list(r.values()), float), hashes(list(r)), TopSpec(column="c", rows=count)))
        for r in (rows, again)
    ]
    assert found[0] == found[1]


sets = st.sets(st.integers(0, 15))


@given(st.dictionaries(st.sampled_from("abcd"), sets, min_size=4), st.data())
def test_set_algebra_is_that_of_sets(datasets: dict[str, set[int]], data: st.DataObject) -> None:
    names = st.lists(st.sampled_from("abcd"), max_size=3)
    all_of, any_of, none_of = (tuple(data.draw(names)) for _ in range(3))
    spec = PassSpec(from_="r", use="filter", into="d", all_of=all_of, any_of=any_of, none_of=none_of)
    masks = {name: np.array([row in rows for row in range(16)]) for name, rows in datasets.items()}
    fates = Fates(16)
    for reason, out in outside(spec, 16, masks):
        fates.drop(out, reason)
    wanted = set(range(16)).intersection(*(datasets[name] for name in all_of))
    if any_of:
        wanted &= set().union(*(datasets[name] for name in any_of))
    wanted = wanted.difference(*(datasets[name] for name in none_of))
    assert set(np.flatnonzero(fates.kept).tolist()) == wanted
    for row in set(range(16)) - wanted:  # each was dropped for the first of the reasons that holds for it
        first = next(reason for reason, out in outside(spec, 16, masks) if out[row])
        assert fates.reasons[fates.codes[row] - 1] == first


weights = st.dictionaries(st.sampled_from("abc"), st.floats(0.01, 5), min_size=1)


@given(weights, st.data(), st.integers(1, 60) | st.none())
def test_a_mixture_gives_what_was_asked_or_what_there_is(
    asked: dict[str, float], data: st.DataObject, total: int | None
) -> None:
    supply = {name: data.draw(st.integers(0, 40)) for name in asked}
    given_ = shares(asked, supply, total)
    whole = sum(Fraction(str(weight)) for weight in asked.values())
    exact = {name: Fraction(str(weight)) / whole for name, weight in asked.items()}
    wanted = sum(share.wanted for share in given_.values())
    if total is not None:
        assert wanted == total
    else:  # one more row could not be had with these weights
        assert all(share.rows == share.wanted for share in given_.values())
        assert any((wanted + 1) * exact[name] > supply[name] for name in asked)
    for name, share in given_.items():
        assert share.rows == min(share.wanted, supply[name])
        assert abs(share.wanted - exact[name] * wanted) < 1


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=60), st.integers(0, 9), st.data())
def test_a_mixture_draws_the_same_rows_when_it_grows(part: list[int], seed: int, data: st.DataObject) -> None:
    keys = [number.to_bytes(16, "big") for number in range(len(part))]
    fewer = [data.draw(st.integers(0, part.count(number))) for number in range(3)]
    more = [data.draw(st.integers(count, part.count(number))) for number, count in enumerate(fewer)]
    parts, positions = np.array(part, np.int64), hashes(keys, seed)
    small, large = drawn(parts, positions, fewer), drawn(parts, positions, more)
    assert not (small & ~large).any()
    assert [int((small & (parts == number)).sum()) for number in range(3)] == fewer


ids = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=60, unique=True)


@given(ids, ids, st.floats(0, 1, exclude_min=True), st.integers(0, 9))
def test_a_sampled_share_is_moved_by_no_appended_row(
    first: list[bytes], more: list[bytes], fraction: float, seed: int
) -> None:
    every = first + [row for row in more if row not in first]
    spec = SampleSpec(fraction=fraction, seed=seed)
    assert sampled(hashes(every, seed), spec)[: len(first)].tolist() == sampled(hashes(first, seed), spec).tolist()
    assert fraction < 1 or sampled(hashes(every, seed), spec).all()


@given(ids, ids, st.integers(1, 80), st.integers(0, 9))
def test_an_appended_row_takes_the_place_of_at_most_one_in_a_sample(
    first: list[bytes], more: list[bytes], count: int, seed: int
) -> None:
    every = first + [row for row in more if row not in first]
    spec = SampleSpec(rows=count, seed=seed)
    before = {r for r, kept in zip(first, sampled(hashes(first, seed), spec).tolist(), strict=True) if kept}
    after = {r for r, kept in zip(every, sampled(hashes(every, seed), spec).tolist(), strict=True) if kept}
    assert len(after) == min(count, len(every))
    assert after & set(first) <= before
    assert len(before - after) <= len(every) - len(first)


def test_a_sampled_share_comes_out_near_what_was_asked() -> None:
    positions = hashes([number.to_bytes(16, "big") for number in range(4000)], 3)
    found = int(sampled(positions, SampleSpec(fraction=0.25, seed=3)).sum())
    assert math.isclose(found, 1000, abs_tol=100)
