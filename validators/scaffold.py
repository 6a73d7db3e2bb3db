"""A check of one's own, begun: its module beside mmreg.yaml, a test that passes at once, the lines that declare it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mmreg.scaffold import class_name, new_module
from mmreg.schemas.declaration import ProjectSpec
from mmreg.schemas.summary import Scaffold

Reads = Literal["text", "image"]


def new_check(folder: Path, spec: ProjectSpec, name: str, reads: Reads = "text") -> Scaffold:
    """Write ``<name>.py`` and ``test_<name>.py`` into the project's ``folder``.

    Raises `UsageError` for a name that is no module of its own and for files that are there already.
    """
    module, test = new_module(folder, name, "check", "mmreg checks new")
    cls = class_name(name)
    dataset, column = _first_column(spec, reads)
    code, tried = _TEMPLATES[reads]
    for file, text in ((module, code), (test, tried)):
        file.write_text(text.replace("NAME", name).replace("CLASS", cls), encoding="utf-8")
    declared = f'checks:\n  {dataset}:\n    - {{check: "{name}:{cls}", column: {column}}}\n'
    return Scaffold(module.name, test.name, declared)


def _first_column(spec: ProjectSpec, reads: Reads) -> tuple[str, str]:
    """The dataset and the column that the lines to declare name, else what is to be filled in."""
    kinds = ("text", "string") if reads == "text" else (reads,)
    for dataset, declared in spec.datasets.items():
        for column, found in declared.columns.items():
            if found.type in kinds:
                return dataset, column
    return "DATASET", "COLUMN"


_TEXT = '''\
"""A check of our own: {check: "NAME:CLASS", column: ...} in mmreg.yaml declares it."""

import pyarrow as pa
import pyarrow.compute as pc
from mmreg.errors import UsageError
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import cells
from mmreg.validators.tally import Tally, short


class Arguments(Declared):
    """What a declaration may say: anything else, or of another type, is refused."""

    column: str
    min_words: int = 2


class CLASS(RowCheck):
    """Every text has at least min_words words; null is not examined."""

    version = "1"  # another one when the same cells would be judged otherwise: all rows are then looked at again

    def __init__(self, spec, table):
        arguments = parse_arguments(spec, Arguments)
        if table.type(arguments.column) != pa.string():
            raise UsageError(f"{spec.check}: {arguments.column} is no column of texts")
        self.columns = (arguments.column,)
        self._min_words = arguments.min_words
        self._tally = Tally(spec, arguments.column)

    def update(self, batch):
        """Look at one batch: count what was examined and what failed, and say why of a few."""
        texts = cells(batch, self.columns[0])
        words = pc.count_substring_regex(texts, r"\\S+")

        def describe(row):
            return short(texts[row].as_py()), f"{words[row]} words"

        examined = len(texts) - texts.null_count
        self._tally.add(batch, examined=examined, failed=pc.less(words, self._min_words), describe=describe)

    def result(self):
        return self._tally.result(f"texts have fewer than {self._min_words} words")
'''

_IMAGE = '''\
"""A check of our own: {check: "NAME:CLASS", column: ...} in mmreg.yaml declares it."""

import io

import pyarrow as pa
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import cells
from mmreg.validators.tally import Tally
from PIL import Image, ImageStat


class Arguments(Declared):
    """What a declaration may say: anything else, or of another type, is refused."""

    column: str
    min_brightness: float = 0.05


class CLASS(RowCheck):
    """Every image is at least min_brightness bright, from 0 (black) to 1 (white); null is not examined."""

    version = "1"  # another one when the same cells would be judged otherwise: all rows are then looked at again
    media = True  # cells come with their bytes; without it, with their digest and facts alone

    def __init__(self, spec, table):
        arguments = parse_arguments(spec, Arguments)
        if media_kind(table.type(arguments.column)) != "image":
            raise UsageError(f"{spec.check}: {arguments.column} is no column of images")
        self.columns = (arguments.column,)
        self._min_brightness = arguments.min_brightness
        self._tally = Tally(spec, arguments.column)

    def update(self, batch):
        """Look at one batch: count what was examined and what failed, and say why of a few."""
        found = [self._brightness(cell) for cell in cells(batch, self.columns[0]).to_pylist()]
        failed = pa.array([value is not None and value < self._min_brightness for value in found], pa.bool_())
        self._tally.add(
            batch,
            examined=sum(value is not None for value in found),
            failed=failed,
            describe=lambda row: ("<image>", f"brightness {found[row]:.2f}"),
        )

    def result(self):
        return self._tally.result("images are too dark")

    @staticmethod
    def _brightness(cell):
        """None where there is no picture; one that does not decode is for `image_decodes` to find."""
        try:
            picture = Image.open(io.BytesIO(cell["bytes"])) if cell is not None else None
            return None if picture is None else ImageStat.Stat(picture.convert("L")).mean[0] / 255
        except (OSError, ValueError, Image.DecompressionBombError):
            return None
'''

_TEST_HEAD = """\
from pathlib import Path

import pyarrow as pa
import pytest
from mmreg.errors import UsageError
"""

_TEST_IMPORTS = """\
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
"""

_TRIED = '''

def tried(column, **arguments):
    """The answer of the check, found as mmreg finds it, on one batch of cells."""
    ids = pa.array([bytes(15) + bytes([row]) for row in range(len(column))], pa.binary(16))
    batch = pa.record_batch({"sample_id": ids, "cell": column})
    spec = CheckSpec(check="NAME:CLASS", column="cell", **arguments)
    check = load_check(spec, Table(batch.schema), Path(__file__).parent)
    check.update(batch)
    return check.result()
'''

_TEST_TEXT = f"""\
{_TEST_HEAD}{_TEST_IMPORTS}{_TRIED}

def test_what_fails_is_counted_and_shown():
    result = tried(pa.array(["Three small words", "one", None]))
    assert (result.status, result.examined, result.failed) == ("failed", 2, 1)
    assert result.examples[0]["value"] == "'one'"


def test_what_holds_passes():
    assert tried(pa.array(["Three small words"]), min_words=3).status == "passed"


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="no column of texts"):
        tried(pa.array([1, 2]))
"""

_TEST_IMAGE = f"""\
import io
{_TEST_HEAD}from mmreg.schemas.arrow import media_type
{_TEST_IMPORTS}from PIL import Image


def cell(colour):
    file = io.BytesIO()
    Image.new("RGB", (16, 8), colour).save(file, "PNG")
    return {{"bytes": file.getvalue()}}
{_TRIED}

def test_what_fails_is_counted_and_shown():
    result = tried(pa.array([cell("white"), cell("black"), None, {{"bytes": b"no picture"}}], media_type("image")))
    assert (result.status, result.examined, result.failed) == ("failed", 2, 1)
    assert result.examples[0]["reason"] == "brightness 0.00"


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="no column of images"):
        tried(pa.array([1, 2]))
"""

_TEMPLATES = {"text": (_TEXT, _TEST_TEXT), "image": (_IMAGE, _TEST_IMAGE)}
