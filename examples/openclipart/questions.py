"""Ask the registry everything that it can answer about the graph, and print questions with answers as a page.

    python questions.py > ../../docs/lineage.md    # after `make demo`

Each answer is what the command prints on the lake in this folder.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mmreg
from mmreg import Registry

WIDE = 200
"""Characters of a line of an answer that a page shows."""

BEGIN = """\
# Questions to the graph

Every run says which versions, models and files it read, exactly, and what it made: versions, models, measurements.
That is a graph without a gap from raw files to a model and on to the data that this model chose. mmreg answers from
its index, offline, and no answer but those about single rows opens a table.

What stands below was asked of the lake that `make demo` leaves (`python questions.py` in `examples/openclipart` prints
this page). Every command has `--json`, with a [schema](cli.md), and each is a method of `mmreg.Registry`.

A node is a version (`pairs@v3`), a column of one (`pairs@v3:caption`), a model (`model:clip@champion`, or `sha256:` and
the beginning of its digest), a run (`run:ID`) or what was read (`source:data/records.jsonl`).
"""


@dataclass(frozen=True)
class Question:
    """What one would like to know, the commands that tell, and how to read what they say."""

    asked: str
    commands: tuple[str, ...]
    said: str = ""
    lines: int = 40


def main() -> None:
    print(BEGIN)
    for question in QUESTIONS:
        print("\n".join(section(question)))


def section(question: Question) -> Iterator[str]:
    yield f"## {question.asked}\n"
    if question.said:
        yield f"{question.said}\n"
    for command in question.commands:
        yield "```"
        words = [_filled(word) for word in shlex.split(command)]
        yield f"$ {shlex.join(words)}"
        yield from _shortened(answer(words).splitlines(), question.lines)
        yield "```\n"


def answer(words: Sequence[str]) -> str:
    """What a command prints."""
    ended = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1):
        sys.exit(f"{shlex.join(words)}: status {ended.returncode}\n{ended.stderr}")
    return ended.stdout.rstrip()


def _filled(word: str) -> str:
    """What only this lake can tell: ``{kept}`` by the last selection, ``{dropped}`` by it, a ``{digest}``."""
    if word == "{kept}":
        return min(_samples("selected@v1"))
    if word == "{dropped}":
        return min(_samples("pool@v1", "train") - _samples("selected@v1"))
    return word.replace("{digest}", Registry.open().model("clip@champion").digest[:16]) if "{digest}" in word else word


def _samples(ref: str, split: str | None = None) -> set[str]:
    """The first ten digits of the id of each sample."""
    batches = mmreg.open(ref, split=split).batches(["sample_id"])
    return {sample.hex()[:10] for batch in batches for sample in batch.column("sample_id").to_pylist()}


def _shortened(lines: Sequence[str], limit: int) -> Iterator[str]:
    """So much of an answer as a page can take."""
    for line in lines[:limit]:
        yield line if len(line) <= WIDE else f"{line[: WIDE - 2]} …"
    if len(lines) > limit:
        yield f"... {len(lines) - limit} lines more"


QUESTIONS = (
    Question("Where does a version come from?", ("mmreg lineage up selected",)),
    Question(
        "And one column of it?",
        ("mmreg lineage up clips@v5:caption", "mmreg lineage up clips@v5:clip_score"),
        "A column owes nothing to passes that never touched it; one of a selection also goes back to what its rows were"
        " chosen by.",
    ),
    Question("What was made with it?", ("mmreg lineage down clips@v1 --kind version --kind checkpoint",)),
    Question(
        "How do two things depend on each other?",
        (
            "mmreg lineage path model:clip@champion selected",
            "mmreg lineage path clips@v1 selected --through curated_by",
        ),
    ),
    Question("Why is this sample in it, and what is in this cell?", ("mmreg why selected {kept} clip_score",)),
    Question("Why was that one dropped, and what would bring it back?", ("mmreg why selected {dropped}",)),
    Question(
        "A model turns out to be bad: what did it touch?",
        ("mmreg impact model:clip@champion",),
        "A teacher taints what it chose, also where it wrote no cell of it.",
    ),
    Question(
        "Some samples must not be used any more: what has them?",
        ("mmreg impact clips --where \"category = 'animals'\"",),
    ),
    Question("Which licences does a version inherit?", ("mmreg license selected --rows",)),
    Question(
        "A licence is withdrawn: what hangs on it?",
        ("mmreg impact --license CC-PDDC",),
        lines=24,
    ),
    Question(
        "Did the data boost the model by itself?",
        ("mmreg lineage boost selected --student clip",),
        "Computed from the graph, never declared: `self` where the curator is of the student's own line, `external`"
        " where no way leads from the pool to its training, `leaky_external` in between, `human` for people.",
    ),
    Question(
        "Has the model seen what it is evaluated on?",
        ("mmreg lineage leak --train model:clip@champion --eval heldout",),
        "The split keeps equal perceptual hashes together, and no more; titles repeat as people write them.",
        lines=24,
    ),
    Question("What did it cost?", ("mmreg cost selected",), "Every run counts once, however many ways lead to it."),
    Question(
        "What is the difference between two versions, or two models?", ("mmreg compare model:clip model:clip_control",)
    ),
    Question("What hangs on nothing?", ("mmreg orphans",)),
    Question("Whose digest is this?", ("mmreg find sha256:{digest}",)),
    Question(
        "Anything else?",
        ('mmreg sql "SELECT kind, count(*) AS runs FROM runs GROUP BY kind ORDER BY runs DESC"',),
    ),
    Question(
        "As others say it",
        ("mmreg lineage export selected --format openlineage",),
        "Also `prov`, `croissant` and `mlflow`: [provenance](provenance.md).",
        lines=6,
    ),
)


if __name__ == "__main__":
    main()
