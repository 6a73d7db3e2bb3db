"""Captions that say nothing of their picture."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Ask, Subject, Unanswered, check

MAX_SHARE = 0.01
"""A caption of more rows than this share is boilerplate."""


def asks(subject: Subject) -> Iterator[Ask | Unanswered]:
    for column in subject.texts:
        cure = (
            f"caption: {{from: {subject.row.dataset}, use: caption, model: MODEL, inputs: {{image: IMAGE}}}} writes "
            f"new ones; a filter with where: \"{column} != '...'\" leaves them out"
        )
        yield Ask("boilerplate", check("boilerplate", column=column, max_share=MAX_SHARE), cure, column)
    if not subject.texts:
        yield Unanswered("boilerplate", "it has no column of type text")
