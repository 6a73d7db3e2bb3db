"""What a mistyped name probably meant."""

from __future__ import annotations

import pytest

from mmreg.schemas.suggest import did_you_mean, near


@pytest.mark.parametrize(
    ("word", "known", "told"),
    [
        ("form", ["from", "prompt", "use"], "; did you mean 'from'?"),
        ("Pair", ["pairs", "more"], "; did you mean 'pairs'?"),
        ("est", ["test", "rest", "train"], "; did you mean 'rest' or 'test'?"),
        ("zzz", ["b", "a", "a"], "; known: a, b"),
        ("zzz", [], "; there is none yet"),
        ("zzz", [f"name{n}" for n in range(30)], "; 30 others are known"),
    ],
)
def test_the_end_of_a_sentence(word: str, known: list[str], told: str) -> None:
    assert did_you_mean(word, known) == told


def test_the_likeliest_comes_first() -> None:
    assert near("clip_scor", ["clip_scores", "score", "clip_score"])[0] == "clip_score"
