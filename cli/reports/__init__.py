"""What ``mmreg validate`` answers, in the forms that people, forges and test reporters read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from mmreg.schemas.gate import GateReport

Form = Literal["text", "json", "junit", "github", "sarif", "markdown", "html"]

FORMS: tuple[str, ...] = get_args(Form)

Thumbnails = Callable[[str, str | None, Sequence[str]], Mapping[str, bytes]]
"""Small JPEGs of samples: of a version, the column that a check is about, and sample ids; by sample id."""


def write(form: str, answer: GateReport, *, thumbnails: Thumbnails | None = None) -> str:
    """``answer`` in one of `FORMS`, with a newline at its end. Only HTML shows ``thumbnails``.

    Raises `MissingExtra` for JUnit and HTML without the extra `validate`, and `KeyError` for another form.
    """
    return _WRITERS[form](answer, thumbnails).rstrip("\n") + "\n"


def _text(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.render import render
    from mmreg.cli.render.layout import paint

    return "\n".join(paint(line, colour=False) for line in render(answer))


def _json(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.plain import to_json

    return to_json(answer)


def _junit(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.reports.junit import junit

    return junit(answer)


def _github(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.reports.github import github

    return github(answer)


def _sarif(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.reports.sarif import sarif

    return sarif(answer)


def _markdown(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.reports.markdown import markdown

    return markdown(answer)


def _html(answer: GateReport, thumbnails: Thumbnails | None) -> str:
    from mmreg.cli.reports.html import html

    return html(answer, thumbnails)


_WRITERS: Mapping[str, Callable[[GateReport, Thumbnails | None], str]] = {
    "text": _text,
    "json": _json,
    "junit": _junit,
    "github": _github,
    "sarif": _sarif,
    "markdown": _markdown,
    "html": _html,
}
