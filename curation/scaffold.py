"""A pass of one's own, begun: its module beside mmreg.yaml, a test that passes at once, the lines that declare it."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Literal

from mmreg.curation.protocol import Kind, Role, Scope
from mmreg.errors import UsageError
from mmreg.scaffold import class_name, new_module
from mmreg.schemas.declaration import ProjectSpec
from mmreg.schemas.summary import Scaffold

Input = Literal["image", "text"]


def new_pass(folder: Path, spec: ProjectSpec, name: str, kind: Kind = "score", scope: Scope = "row") -> Scaffold:
    """Write ``<name>.py`` and ``test_<name>.py`` into the project's ``folder``.

    The pass reads an image where a dataset has a column of them, else a text. Raises `UsageError` for a name that is
    no module of its own, for files that are there already, and for a kind that does not go with the scope.
    """
    module, test = new_module(folder, name, "pass", "mmreg pass new")
    if scope != "row" and kind == "create":
        raise UsageError("a pass that makes rows has the scope 'row'", hint=f"mmreg pass new {name} --kind create")
    dataset, column, read = _first_column(spec)
    cls = class_name(name)
    code, tried = _row_pass(name, cls, kind, read) if scope == "row" else _rows_pass(name, cls, kind, scope)
    module.write_text(code, encoding="utf-8")
    test.write_text(tried, encoding="utf-8")
    inputs = {"row": f"{{{read}: {column}}}", "group": f"{{group: {column}, value: {column}}}"}
    into = f", into: {name}_rows" if kind in ("filter", "create") else ""
    use = f'"{name}:{cls}"'
    declared = f"{name}: {{from: {dataset}, use: {use}, inputs: {inputs.get(scope, f'{{value: {column}}}')}{into}}}"
    return Scaffold(module.name, test.name, f"passes:\n  {declared}\n")


def _first_column(spec: ProjectSpec) -> tuple[str, str, Input]:
    """The dataset and the column that the lines to declare name: of images, else of texts, else none that is there."""
    wanted: tuple[Input, ...] = ("image", "text")
    for kind in wanted:
        for dataset, declared in spec.datasets.items():
            for column, found in declared.columns.items():
                if found.type in ((kind, "string") if kind == "text" else (kind,)):
                    return dataset, column, kind
    return "DATASET", "COLUMN", "text"


_ROLES: dict[Kind, Role] = {
    "score": "evaluator", "extract": "extractor", "map": "mapper", "filter": "filter", "create": "creator"
}  # fmt: skip

_OUTPUTS = {
    "score": '("{name}", pa.float32())',
    "extract": '("{name}", pa.list_(pa.string()))',
    "map": '("{name}", pa.string())',
    "filter": '("keep", pa.bool_()), ("reason", pa.string())',
    "create": '("{name}", pa.string())',
}

_SAYS: dict[tuple[Kind, Input], tuple[str, str, str]] = {
    ("score", "image"): ("How bright an image is, 0 (black) to 1 (white).",
        'return {"NAME": ImageStat.Stat(picture.convert("L")).mean[0] / 255}', '"NAME": 1.0'),
    ("score", "text"): ("How many words a text has.",
        'return {"NAME": len(text.split())}', '"NAME": 3.0'),
    ("extract", "image"): ("The names of an image's bands.",
        'return {"NAME": list(picture.getbands())}', '"NAME": ["R", "G", "B"]'),
    ("extract", "text"): ("The words of a text that begin with a capital.",
        'return {"NAME": [word for word in text.split() if word[0].isupper()]}', '"NAME": ["Three"]'),
    ("map", "image"): ("Whether an image is wide, high or square.",
        'return {"NAME": "wide" if picture.width > picture.height else "high or square"}', '"NAME": "wide"'),
    ("map", "text"): ("The text in lower case, with single spaces.",
        'return {"NAME": " ".join(text.lower().split())}', '"NAME": "three small words"'),
    ("filter", "image"): ("Keeps images of at least 8 by 8 pixels.",
        'keep = min(picture.size) >= 8\nreturn {"keep": keep, "reason": None if keep else "too_small"}',
        '"keep": True, "reason": None'),
    ("filter", "text"): ("Keeps texts of at least two words.",
        'keep = len(text.split()) >= 2\nreturn {"keep": keep, "reason": None if keep else "too_short"}',
        '"keep": True, "reason": None'),
    ("create", "image"): ("Two questions about each image.",
        'return [{"NAME": f"What is in these {picture.width} x {picture.height} pixels?"}, {"NAME": "And where?"}]',
        '"NAME": "What is in these 16 x 8 pixels?"'),
    ("create", "text"): ("The words of a text, each as a sample of its own.",
        'return [{"NAME": word} for word in text.split()]', '"NAME": "Three"'),
}  # fmt: skip
"""By kind and input: what the class says that it does, how, and what it answers for the test's good cell."""

_READS: dict[Input, str] = {
    "image": """\
try:
    picture = rgb(image["bytes"] if image is not None else None)
except Undecodable as reason:
    return ERROR
""",
    "text": """\
if text is None:
    return ERROR
""",
}
_REASONS: dict[Input, str] = {"image": "str(reason)", "text": '"null_value: there is no text"'}


def _row_pass(name: str, cls: str, kind: Kind, read: Input) -> tuple[str, str]:
    purpose, body, due = (part.replace("NAME", name) for part in _SAYS[kind, read])
    making = kind == "create"
    error = f'{{"error": {_REASONS[read]}}}'
    guard = _READS[read].replace("ERROR", f"[{error}]" if making else error)
    imports = "from mmreg.curation.decode import Undecodable, rgb\n" if read == "image" else ""
    imports += "from mmreg.errors import UsageError\n"
    imports += "from PIL import ImageStat\n" if "ImageStat" in body else ""
    code = _MODULE.format(
        name=name,
        purpose=purpose, imports=imports, cls=cls, kind=kind, scope="row", role=_ROLES[kind],
        inputs=f'{{"{read}": "{read}"}}', outputs=_OUTPUTS[kind].format(name=name),
    )  # fmt: skip
    code += (_CALL_MAKING if making else _CALL).format(read=read, body=indent(guard + body, " " * 8).lstrip())
    cells = {"image": '[{"bytes": PICTURE}, None, {"bytes": b"nonsense"}]', "text": '["Three small words", None]'}
    picture = _PICTURE if read == "image" else ""
    test = (_TEST_MAKING if making else _TEST).format(
        name=name, cls=cls, read=read, cells=cells[read], due=due, picture=picture,
        imports="import io\n" if read == "image" else "", pillow="from PIL import Image\n" if read == "image" else "",
        failed=2 if read == "image" else 1,
    )  # fmt: skip
    return code, test


def _rows_pass(name: str, cls: str, kind: Kind, scope: Scope) -> tuple[str, str]:
    among = "in its group" if scope == "group" else "in the whole table"
    inputs = '{"group": "any", "value": "any"}' if scope == "group" else '{"value": "any"}'
    purpose = f"Whether a value was seen before {among}."
    if kind == "filter":
        purpose = f"Keeps the first sample with each value {among}."
    outputs = _OUTPUTS["filter"] if kind == "filter" else f'("{name}", pa.bool_())'
    code = _MODULE.format(
        name=name,
        purpose=purpose, imports="from mmreg.errors import UsageError\n", cls=cls, kind=kind, scope=scope,
        role=_ROLES[kind], inputs=inputs, outputs=outputs,
    )  # fmt: skip
    keeping = '{"keep": not repeated, "reason": "repeated" if repeated else None}'
    code += _CALL_ROWS.format(scope=scope, row=keeping if kind == "filter" else f'{{"{name}": repeated}}')
    due = '[{"keep": True, "reason": None}, {"keep": False, "reason": "repeated"}, {"keep": True, "reason": None}]'
    if kind != "filter":
        due = f'[{{"{name}": False}}, {{"{name}": True}}, {{"{name}": False}}]'
    group = '"group": ["one", "one", "one"], ' if scope == "group" else ""
    return code, _TEST_ROWS.format(name=name, cls=cls, group=group, due=due)


_MODULE = '''\
"""A pass of our own: {{from: ..., use: "{name}:{cls}"}} in mmreg.yaml calls it."""

import pyarrow as pa
{imports}

class {cls}:
    """{purpose}"""

    version = "1"  # another one when the answers change: every row is then computed again
    kind, scope, role = "{kind}", "{scope}", "{role}"
    inputs = {inputs}

    def __init__(self, recipe):
        if recipe.params:
            raise UsageError(f"{cls} takes no params, so {{', '.join(recipe.params)}} means nothing")

    def outputs(self):
        return pa.schema([{outputs}])

    def open(self):
        """Load weights and heavy libraries here."""
'''

_CALL = '''
    def __call__(self, batch):
        """Answer a batch: as many rows, in its order. A row with an error fails alone."""
        rows = [self.row(cell) for cell in batch.column("{read}").to_pylist()]
        return pa.RecordBatch.from_pylist(rows, pa.schema([*self.outputs(), ("error", pa.string())]))

    def row(self, {read}):
        {body}
'''

_CALL_MAKING = '''
    def __call__(self, batch):
        """Any number of new rows for each row of the batch; `_row` says which one each came from."""
        made = []
        for number, cell in enumerate(batch.column("{read}").to_pylist()):
            made += [{{"_row": number, **row}} for row in self.rows(cell)]
        columns = [("_row", pa.int32()), *self.outputs(), ("error", pa.string())]
        return pa.RecordBatch.from_pylist(made, pa.schema(columns))

    def rows(self, {read}):
        {body}
'''

_CALL_ROWS = '''
    def __call__(self, batch):
        """Answer for a whole {scope}, in the order of its `sample_id`: as many rows, in that order."""
        seen, rows = set(), []
        for value in batch.column("value").to_pylist():
            key = value["sha256"] if isinstance(value, dict) else value  # media come with their digest
            repeated = key in seen
            seen.add(key)
            rows.append({row})
        return pa.RecordBatch.from_pylist(rows, self.outputs())
'''

_PICTURE = """
_file = io.BytesIO()
Image.new("RGB", (16, 8), "white").save(_file, "PNG")
PICTURE = _file.getvalue()
"""

_TEST_HEAD = """\
from pathlib import Path

import pyarrow as pa
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import Recipe
"""

_OPENED = '''

def opened():
    """The pass as mmreg finds it: this fails where it lacks something."""
    operator = load_pass("{name}:{cls}", Path(__file__).parent)(Recipe())
    operator.open()
    return operator

'''

_TEST = (
    "{imports}" + _TEST_HEAD + "{pillow}{picture}" + _OPENED + '''
def test_rows_and_their_errors():
    operator = opened()
    answer = operator(pa.record_batch({{"{read}": pa.array({cells})}}))
    assert answer.schema == pa.schema([*operator.outputs(), ("error", pa.string())])
    first, *failed = answer.to_pylist()
    assert first == {{{due}, "error": None}}
    assert len(failed) == {failed} and all(row["error"] for row in failed)
'''
)  # fmt: skip

_TEST_MAKING = (
    "{imports}" + _TEST_HEAD + "{pillow}{picture}" + _OPENED + '''
def test_rows_and_their_errors():
    answer = opened()(pa.record_batch({{"{read}": pa.array({cells})}}))
    first, *more = answer.to_pylist()
    assert first == {{"_row": 0, {due}, "error": None}}
    assert [row["_row"] for row in more if row["error"]] == list(range(1, 1 + {failed}))
'''
)  # fmt: skip

_TEST_ROWS = (
    _TEST_HEAD + _OPENED + '''
def test_values_that_come_again():
    operator = opened()
    answer = operator(pa.record_batch({{{group}"value": ["a", "a", "b"]}}))
    assert answer.schema == operator.outputs()
    assert answer.to_pylist() == {due}
'''
)  # fmt: skip
