"""Captions from what people wrote beside their clip art. The examples are the corpus's own."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pyarrow as pa
import pytest

from mmreg.curation.plugins import checked
from mmreg.curation.protocol import Recipe
from mmreg.errors import UsageError

Example = Callable[[str], ModuleType]


@pytest.mark.parametrize(
    ("title", "name", "keywords", "caption"),
    [
        ("Bored dog", "bored_dog_01", "mammal, , dog, animal", "bored dog mammal animal"),
        ("gramastar", "star_59pt03step", "stars, shapes, magick, geometry", "star pt step stars geometry"),
        ("AIGA_Symbol_Signs", "aiga_no_smoking_", "symbol, mapsym", "no smoking symbol"),
        (
            "Part of the Flat Icon Collection (Wed Aug 25 23:29:46 2004)",
            "filenew",
            "hash, , action, computer, icons, theme",
            "filenew action computer",
        ),
        ("Clipart by Nicu Buculei - jigsaw_red_10", "jigsaw_blue_05", ", jigsaw, shape", "jigsaw red shape"),
        ("Advertising column", "column", None, "advertising column"),
        ("", "eau_non_potable", None, "eau non potable"),
        (None, "70a001", "icon", None),
        (None, None, None, None),
    ],
)
def test_what_is_left_describes_the_picture(
    example: Example, title: str | None, name: str | None, keywords: str | None, caption: str | None
) -> None:
    assert example("cleaning").clean_caption(title, name, keywords) == caption


def test_long_captions_end(example: Example) -> None:
    words = [a + b for a in "abcdef" for b in "ghijkl"]
    assert len(example("cleaning").clean_caption(" ".join(words), None, None).split()) == 20


def test_it_is_a_pass(example: Example) -> None:
    cls = checked("cleaning:CleanCaption", example("cleaning").CleanCaption)
    batch = pa.record_batch(
        {
            "title": pa.array(["A frog", None], pa.string()),
            "name": pa.array(["frog", "001"], pa.string()),
            "keywords": pa.array([None, "unsorted"], pa.string()),
        }
    )
    cleaner = cls(Recipe())
    cleaner.open()
    assert cleaner(batch).to_pydict() == {"caption": ["frog", None]}
    with pytest.raises(UsageError, match="no params"):
        cls(Recipe(params={"upper": True}))
