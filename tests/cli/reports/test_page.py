"""The HTML report in a browser: whole, at rest, harmless, readable. Pictures of it are kept where SCREENSHOTS says."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

from mmreg.cli.reports import write
from mmreg.cli.text import HOSTILE
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.gate import GateReport

SIZES = (1280, 390)
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "base", "foreignObject", "audio", "video"}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def thumbnails(ref: str, column: str | None, samples: Sequence[str]) -> Mapping[str, bytes]:
    """A picture for every sample, each of its own colour."""
    made = {}
    for number, sample in enumerate(samples):
        picture = Image.new("RGB", (96, 60 + 6 * number % 36), (60, 90 + 25 * number % 130, 160))
        ImageDraw.Draw(picture).ellipse((24, 10, 70, 50), fill=(245, 215, 110))
        file = io.BytesIO()
        picture.save(file, "JPEG")
        made[sample] = file.getvalue()
    return made


@dataclass
class Seen:
    """What a page did in a browser."""

    requests: list[str] = field(default_factory=list)
    talk: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


FACTS = """() => {
    const all = [...document.querySelectorAll('*')];
    const cut = e => !e.closest('svg, thead, caption, .samples div') && e.clientWidth
        && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible';
    return {
        width: document.documentElement.scrollWidth,
        title: document.title,
        text: document.body.innerText,
        tags: [...new Set(all.map(e => e.localName))],
        handlers: all.flatMap(e => [...e.attributes]).filter(a => /^on/i.test(a.name)).length,
        addresses: all.flatMap(e => [...e.attributes])
            .filter(a => /^(xlink:href|href|src|srcset|action|data)$/i.test(a.name)).map(a => a.value),
        headings: [...document.querySelectorAll('h1, h2, h3, h4')].map(e => +e.localName[1]),
        unscoped: document.querySelectorAll('th:not([scope])').length,
        pictures: [...document.images].map(i => [i.naturalWidth, i.naturalHeight, i.alt]),
        plots: document.querySelectorAll('figure svg[role=img][aria-label]').length,
        cut: [...document.querySelectorAll('main *')].filter(cut).map(e => e.outerHTML.slice(0, 80)),
    };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Callable[..., Seen]:
    """Open a page at a width, unfold all of it and note what happens."""

    def look(text: str, width: int, scheme: Any = "light", *, inspect: bool = False, name: str = "") -> Seen:
        file, seen = tmp_path / "report.html", Seen()
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.on("console", lambda message: seen.talk.append(message.text))
        page.on("pageerror", lambda error: seen.talk.append(str(error)))
        page.on("dialog", lambda dialog: seen.talk.append(dialog.message))

        def ask(route: Any) -> None:
            seen.requests.append(route.request.url)
            route.continue_() if len(seen.requests) == 1 else route.abort()

        page.route("**/*", ask)
        page.goto(file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
        seen.facts = page.evaluate(FACTS)
        if inspect:  # through the debugger: the page's own policy runs no script, this one neither
            found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
            seen.violations = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found.response["violations"]]
        if name and (folder := os.environ.get("SCREENSHOTS")):
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
        context.close()
        assert seen.requests == [file.as_uri()], "nothing but the file itself is asked for"
        assert seen.talk == [], "neither an error nor a word in the console"
        assert seen.facts["width"] == width and seen.facts["cut"] == [], "nothing to scroll sideways"
        assert seen.facts["handlers"] == seen.facts["unscoped"] == 0
        assert not FORBIDDEN & set(seen.facts["tags"])
        assert all(address.startswith(("#", "data:")) for address in seen.facts["addresses"])
        return seen

    return look


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_to_read(look: Callable[..., Seen], usual: GateReport, width: int, scheme: str) -> None:
    seen = look(write("html", usual, thumbnails=thumbnails), width, scheme, inspect=True, name="usual")
    assert seen.violations == []
    facts = seen.facts
    assert facts["title"] == "mmreg: validation failed"
    assert facts["headings"][0] == 1 and max(b - a for a, b in pairwise(facts["headings"])) == 1
    assert len(facts["pictures"]) == 7 and all(w == 96 and h and alt for w, h, alt in facts["pictures"])
    assert facts["plots"] == 4
    for said in (
        "7 of 8,101 images do not decode",
        "mmreg.yaml:31",
        "mmreg why pairs@v3",
        "0% to 0.37%",
        "+ column width",
    ):
        assert said in facts["text"]


def test_hostile_data_are_text(look: Callable[..., Seen], nasty: GateReport) -> None:
    text = write("html", nasty, thumbnails=thumbnails)
    assert not HOSTILE.search(text.replace("\n", ""))
    assert len(text) < 500_000
    for width in SIZES:
        facts = look(text, width, name="hostile").facts
        assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in facts["text"]
        assert r"\x1b[2J\x00\x07\r\n::error::forged" in facts["text"] and r"\u202egnp.exe" in facts["text"]


def test_forty_checks_of_three_datasets(look: Callable[..., Seen], forty: GateReport) -> None:
    text = write("html", forty, thumbnails=thumbnails)
    for width in SIZES:
        assert "40 checks of 3 datasets" in look(text, width, name="forty").facts["text"]


def test_small_answers_are_pages_too(look: Callable[..., Seen]) -> None:
    unchecked = GateReport((ValidationReport("pairs", "pairs@v3", "u-1", 9, ()),))
    offline = GateReport(
        (ValidationReport("pairs", "", "", 0, (CheckResult("spec", "passed", "error", 1, 0, "whole"),)),)
    )
    for answer in (GateReport(()), unchecked, offline):
        facts = look(write("html", answer), 390, "dark").facts
        assert facts["pictures"] == [] and facts["title"] == "mmreg: validation passed"


def test_the_policy_of_the_page_stops_what_gets_past_all_else(look: Callable[..., Seen], usual: GateReport) -> None:
    hole = "<script>document.title = 'run'</script><p onclick='1'>x</p>"
    with pytest.raises(AssertionError, match="neither an error nor a word in the console"):
        look(write("html", usual).replace("<main>", f"<main>{hole}"), 1280)


def test_thumbnails_stop_where_a_file_would_be_too_large(usual: GateReport) -> None:
    asked: list[tuple[str, str | None]] = []

    def large(ref: str, column: str | None, samples: Sequence[str]) -> Mapping[str, bytes]:
        asked.append((ref, column))
        return dict.fromkeys(samples, bytes(3_000_000))

    text = write("html", usual, thumbnails=large)
    assert asked == [("pairs@v3", "image")] and len(text) < 40_000_000
