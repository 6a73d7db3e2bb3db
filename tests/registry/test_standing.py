"""The summary of a pass: it comes back as it went, and only for the recipe that it is about."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.registry.standing import FragmentState, Standing

counts = st.integers(0, 2**40)
states = st.lists(
    st.builds(
        FragmentState,
        fragment=st.integers(0, 2**40),
        seen=st.integers(0, 2**64 - 1),
        live=counts,
        rows=counts,
        done=counts,
        failed=counts,
        generations=st.dictionaries(st.sampled_from(["0a", "0b", "0c"]), st.integers(1, 2**40)),
    ),
    unique_by=lambda state: state.fragment,
    max_size=8,
)


def told(standing: Standing) -> dict[int, FragmentState]:
    found = {}
    for place, fragment in enumerate(standing.fragments.tolist()):
        generations = {name: int(rows[place]) for name, rows in standing.generations.items() if rows[place]}
        seen = int(standing.seen[place])
        found[fragment] = FragmentState(fragment, seen, *standing.counts[place].tolist(), generations)
    return found


@given(states)
def test_it_comes_back_as_it_went(given_states: list[FragmentState]) -> None:
    summary = Standing.of(given_states).dump("recipe")
    assert told(Standing.load(summary, "recipe")) == {state.fragment: state for state in given_states}


@given(states)
def test_another_recipe_leaves_nothing_of_it(given_states: list[FragmentState]) -> None:
    summary = Standing.of(given_states).dump("recipe")
    assert told(Standing.load(summary, "another")) == {}


def test_without_a_summary_nothing_is_known() -> None:
    assert told(Standing.load(None, "recipe")) == {}


@given(states, st.lists(st.integers(0, 2**40), unique=True, max_size=8))
def test_fragments_are_found_in_any_order(given_states: list[FragmentState], others: list[int]) -> None:
    here = [state.fragment for state in given_states]
    asked = np.array([*others, *here], np.int64)
    standing = Standing.of(given_states)
    there, places = standing.find(asked)
    assert there.tolist() == [fragment in here for fragment in asked.tolist()]
    assert standing.fragments[places].tolist() == asked[there].tolist()


@given(states)
def test_parts_join_to_the_whole(given_states: list[FragmentState]) -> None:
    half = len(given_states) // 2
    joined = Standing.of(given_states[:half]).joined(Standing.of(given_states[half:]))
    assert told(joined) == told(Standing.of(given_states))


def test_a_run_adds_its_rows_to_those_that_stand() -> None:
    before = Standing.of(
        [
            FragmentState(1, 11, live=9, rows=8, done=3, failed=1, generations={f"{1:016x}": 3, f"{2:016x}": 1}),
            FragmentState(2, 22, live=3, rows=3, done=3, generations={f"{2:016x}": 3}),
        ]
    )
    after = told(before.computed({1: (3, 1), 9: (7, 7)}, 2))
    assert after[1] == FragmentState(1, 11, 9, 8, done=6, failed=2, generations={f"{1:016x}": 3, f"{2:016x}": 5})
    assert after[2] == FragmentState(2, 22, live=3, rows=3, done=3, generations={f"{2:016x}": 3})


@given(states)
def test_states_are_told_by_fragment(given_states: list[FragmentState]) -> None:
    assert Standing.of(given_states).states() == {state.fragment: state for state in given_states}
