"""The comment on a pull request: as a renderer of GitHub's Markdown reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mmreg.cli.render.markdown import cell, code
from mmreg.cli.reports import write
from mmreg.cli.reports.markdown import LIMIT
from mmreg.schemas.gate import GateReport

ANY_TEXT = st.text(
    st.characters(categories=None, exclude_categories=()) | st.sampled_from("|`\\<>&*_[]~@#:/."), max_size=30
)
OURS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "br", "ul", "li", "pre", "hr",
        "details", "summary", "blockquote"}  # fmt: skip
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Page(HTMLParser):
    """What a reader of the comment sees: which elements, and the cells of each row of each table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.unquoted = ""
        self.feed(RENDERER.render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} - {"style", "class"}, attrs
        self.tags.append(tag)
        if tag not in ("br", "hr"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        if "code" not in self.open:
            self.unquoted += data


def test_nothing_in_data_is_markup(answer: GateReport) -> None:
    page = Page(write("markdown", answer))
    assert set(page.tags) <= OURS
    assert page.open == []
    assert not re.search(r"(?<!\w)@\w|#\d", page.unquoted), "nobody is called, nothing is linked"
    widths = {len(row) for row in page.rows}
    assert widths <= {2, 3, 4, 7, 9}


def test_what_is_in_it(usual: GateReport) -> None:
    page = Page(write("markdown", usual))
    assert page.rows[1] == ["pairs@v3", "8,101", "2", "1", "1", "1", "2"]
    assert page.rows[3][:2] == ["❌ failed", "image_decodes:image"]
    assert page.rows[3][3] == "mmreg.yaml:31"
    assert ["en", "5,000", "61.0%", "✅ passed"] in page.rows
    assert any(row[1:3] == ["pass recap", "pairs"] for row in page.rows if len(row) == 9), "the plan, with its cost"
    text = write("markdown", usual)
    assert "```diff\n+ column width\n- column old\n~ column score: float → double\n" in text
    assert "- <code>train@v1</code> was not checked: not changed since main\n" in text


def test_a_plan_that_there_is_not_says_why(usual: GateReport) -> None:
    text = write("markdown", replace(usual, plan=None, no_plan="the source is not here"))
    assert "### What `mmreg apply` would do\n\nthe source is not here\n" in text


@settings(max_examples=200)
@given(ANY_TEXT, ANY_TEXT)
def test_any_text_stays_in_its_cell(a: str, b: str) -> None:
    page = Page(f"| x | y |\n|---|---|\n| {cell(a)} | {code(b)} |\n")
    assert len(page.rows) == 2 and len(page.rows[1]) == 2
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


def test_a_comment_is_never_too_long(usual: GateReport, nasty: GateReport) -> None:
    (report,), (wild,) = usual.reports, nasty.reports
    results = [replace(result, key=f"{n}") for n, result in enumerate((*wild.results, *report.results) * 70)]
    answer = replace(usual, reports=tuple(replace(report, results=tuple(results[n::5])) for n in range(5)))
    text = write("markdown", answer)
    assert LIMIT // 2 < len(text.encode()) <= LIMIT
    assert "> Left out, as a comment may not be longer: " in text
    page = Page(text)
    assert page.open == [] and set(page.tags) <= OURS
