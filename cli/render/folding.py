"""Text from data in the width that there is for it."""

from __future__ import annotations

from mmreg.cli.text import clean, width

_MOST = 4_000
"""Characters that are looked at: a caption may be a book."""


def fit(text: str, columns: int) -> str:
    """``text`` on one line of at most ``columns`` terminal cells, cleaned; '…' where something was cut."""
    shown = _tame(clean(text[:_MOST]))
    if width(shown) <= columns and len(text) <= _MOST:
        return shown
    return _start(shown, columns - 1) + "…"


def fold(text: str, columns: int, lines: int = 4) -> list[str]:
    """``text`` on at most ``lines`` lines of at most ``columns`` cells, cleaned; words longer than that are cut."""
    words = clean(text[:_MOST]).split(" ")
    folded = [""]
    for number, word in enumerate(words):
        longer = f"{folded[-1]} {word}" if folded[-1] else word
        if width(longer) <= columns:
            folded[-1] = longer
        elif len(folded) == lines:
            folded[-1] = fit(" ".join([folded[-1], *words[number:]]), columns)
            break
        else:
            folded.append(fit(word, columns))
    return [fit(line, columns) for line in folded if line]


def _tame(line: str) -> str:
    """What the runner of GitHub Actions would take for a command where it prints this, made none."""
    start = line.lstrip()
    return (line.replace("::", r"\x3a:", 1) if start.startswith("::") else line).replace("##[", r"#\x23[")


def _start(text: str, columns: int) -> str:
    cells = 0
    for place, letter in enumerate(text):
        cells += width(letter)
        if cells > columns:
            return text[:place]
    return text
