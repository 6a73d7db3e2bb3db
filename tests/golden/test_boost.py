"""Who boosts what, on graphs that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from golden_lakes import Scene

Golden = Callable[[str], Scene]


def modes(answer: Any) -> dict[str, str]:
    return {curation["job"]: curation["mode"] for curation in answer["curations"]}


def test_a_teacher_that_learned_from_the_students_own_data_is_no_external_one(golden: Golden) -> None:
    found = golden("teacher").json("lineage", "boost", "model:student@second")
    assert modes(found) == {"pass answer": "self", "pass lesson": "leaky_external"}
    assert found["mode"] == "leaky_external"
    lesson = next(one for one in found["curations"] if one["job"] == "pass lesson")
    assert [step.partition("@")[0] for step in lesson["way"]][:4] == [
        "texts",
        "training teacher",
        "model teacher",
        "pass lesson",
    ]
    assert found["shares"]["depths"] == {"2": 6}


def test_three_rounds_with_itself(golden: Golden) -> None:
    found = golden("rounds").json("lineage", "boost", "model:m@r3")
    assert found["mode"] == "self"
    assert modes(found) == {"pass one": "self", "pass two": "self", "pass three": "self"}
    assert found["shares"]["depths"] == {"3": 8}
    assert found["shares"]["models"] == {"rows": 8, "cells": 24}
    assert found["shares"]["external"] == {"rows": 0, "cells": 0}
    first = golden("rounds").json("lineage", "boost", "model:m@r1")
    assert modes(first) == {"pass one": "self"} and first["shares"]["depths"] == {"1": 8}


def test_a_judge_that_makes_nothing_boosts_from_outside_all_the_same(golden: Golden) -> None:
    found = golden("filter_teacher").json("lineage", "boost", "model:student")
    assert modes(found) == {"pass grade": "external"}
    assert found["curations"][0]["known"] == "unrecorded"
    assert found["shares"]["models"] == {"rows": 0, "cells": 0}
    assert found["notes"]


def test_nobody(golden: Golden) -> None:
    found = golden("diamond").json("lineage", "boost", "model:m")
    assert found["mode"] == "none" and not found["curations"]


def test_a_model_that_learns_from_what_it_wrote_into_other_data(golden: Golden) -> None:
    """Its own line, though the data that it had seen before is not what it wrote to."""
    scene = golden("both")
    found = scene.json("lineage", "boost", "model:m@next")
    assert set(modes(found)) == {"pass told"}
    assert set(found["students"]) == {"m"}
