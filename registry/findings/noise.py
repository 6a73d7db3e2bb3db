"""Pairs of which a model says that they do not belong together."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Ask, Subject, Unanswered, check

LOW = 0.2
"""A cosine below it is low for CLIP. Models differ in that, so this is a note."""


def asks(subject: Subject) -> Iterator[Ask | Unanswered]:
    scores = subject.made_by("clip_score", "score")
    for column in scores:
        cure = f'{{from: {subject.row.dataset}, into: NAME, use: filter, where: "{column} >= {LOW}"}}'
        yield Ask("noise", check("range", column=column, min_value=LOW), cure, column, note=True)
    if not scores:
        yield Unanswered("noise", "no pass with 'use: clip_score' has scored its pairs")
