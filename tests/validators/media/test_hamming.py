"""Near pairs of hashes: the same as comparing all with all finds, however many bands that takes."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmreg.validators.media import hamming
from mmreg.validators.media.hamming import Components, near_pairs


def planted(n: int, seed: int, clusters: int = 40) -> NDArray[np.uint64]:
    """Different hashes, many of them a few bits away from one of some centres."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**64, clusters, np.uint64)
    hashes = centres[rng.integers(0, clusters, n)]
    for _ in range(6):
        flips = np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
        hashes ^= np.where(rng.random(n) < 0.5, flips, np.uint64(0))
    return np.unique(np.concatenate([hashes, rng.integers(0, 2**64, n, np.uint64)]))


def all_near(hashes: NDArray[np.uint64], distance: int) -> set[tuple[int, int]]:
    bits = np.bitwise_count(hashes[:, None] ^ hashes)
    return {(a, b) for a, b in zip(*np.nonzero(bits <= distance), strict=True) if a < b}


def found(hashes: NDArray[np.uint64], distance: int, new: NDArray[np.bool_] | None = None) -> set[tuple[int, int]]:
    pairs = set()
    for a, b in near_pairs(hashes, distance, new):
        pairs |= {(min(i, j), max(i, j)) for i, j in zip(a.tolist(), b.tolist(), strict=True)}
    return pairs


@pytest.mark.parametrize("bands", [None, 3, 4, 7])
@pytest.mark.parametrize("distance", [0, 1, 4, 8, 9])
def test_every_near_pair_is_found_and_no_other(
    monkeypatch: pytest.MonkeyPatch, bands: int | None, distance: int
) -> None:
    monkeypatch.setattr(hamming, "_cheapest", lambda *_: bands)
    monkeypatch.setattr(hamming, "_CANDIDATES", 1000)
    hashes = planted(150, seed=distance)
    assert found(hashes, distance) == (all_near(hashes, distance) if distance else set())


@pytest.mark.parametrize("bands", [None, 3, 5])
def test_pairs_with_something_new_in_them(monkeypatch: pytest.MonkeyPatch, bands: int | None) -> None:
    monkeypatch.setattr(hamming, "_cheapest", lambda *_: bands)
    hashes = planted(150, seed=7)
    new = np.random.default_rng(1).random(len(hashes)) < 0.1
    assert found(hashes, 6, new) == {(a, b) for a, b in all_near(hashes, 6) if new[a] or new[b]}


def test_many_hashes_are_not_compared_all_with_all() -> None:
    """For 200,000 hashes 2e10 pairs; looked at are some hundred for each hash."""
    assert hamming._cheapest(100, 100, 4) is None
    assert hamming._cheapest(200_000, 200_000, 4) is not None
    rng = np.random.default_rng(3)
    hashes = np.unique(rng.integers(0, 2**64, 200_000, np.uint64))
    rows = rng.choice(len(hashes), 500, replace=False)
    near = np.setdiff1d(hashes[rows] ^ np.uint64(0b1001_0000_0001), hashes)
    every = np.unique(np.concatenate([hashes, near]))
    pairs = found(every, 4)
    assert len(pairs) == len(near)
    assert all((int(every[a]) ^ int(every[b])).bit_count() == 3 for a, b in pairs)


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_components_are_those_of_the_graph(n: int, pairs: list[tuple[int, int]]) -> None:
    pairs = [(a % n, b % n) for a, b in pairs]
    joined = Components(n)
    for part in (pairs[:20], pairs[20:]):
        a, b = np.array(part, np.int64).reshape(-1, 2).T
        joined.join(a, b)
    graph = networkx.Graph(pairs)
    graph.add_nodes_from(range(n))
    wanted = {node: min(part) for part in networkx.connected_components(graph) for node in part}
    assert joined.labels().tolist() == [wanted[node] for node in range(n)]
