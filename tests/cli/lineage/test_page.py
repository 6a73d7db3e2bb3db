"""The page in a browser: nothing fetched, nothing run but its own; found, walked, unfolded, zoomed; also by keys alone.

Pictures of it are kept where SCREENSHOTS says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, sync_playwright

from mmreg.cli.page import page as page_of
from mmreg.cli.text import HOSTILE
from mmreg.schemas.lineage import Edge, Lineage, Node

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
NASTY = [
    "</script><script>document.title = 'run'</script>",
    "<img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(2)">x</a>',
    "\x1b[2J\u202e{{ script }}",
    "https://elsewhere.invalid/x.png",
    "é絵🐈" * 40,
]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a page at a width. In the end nothing but the file was asked for, and nobody has complained."""
    talk: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(text: str, width: int = 1280, scheme: Any = "light") -> Page:
        file = tmp_path / "lineage.html"
        file.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.on("console", lambda message: talk.append(message.text))
        page.on("pageerror", lambda error: talk.append(str(error)))
        page.on("dialog", lambda dialog: talk.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("#view svg a.node")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert talk == []
    assert {url.partition("#")[0] for url in asked} == {(tmp_path / "lineage.html").as_uri()}


def names(page: Page) -> list[str]:
    return page.locator("#view a.node text.name").all_text_contents()


def middle(page: Page) -> str:
    return page.locator("#about h2").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_to_read(opened: Open, studio: Callable[[int], Any], width: int, scheme: str) -> None:
    history = studio(4)
    page = opened(page_of(history.seen(history.newest["train"], "up")), width, scheme)
    _picture(page, f"near-{width}-{scheme}")
    assert page.title() == "mmreg: where train@v4 came from"
    assert page.locator("#shown").inner_text() == "82 of 82 nodes shown in 26 boxes."
    assert middle(page) == "train@v4" and "train@v4" in names(page)
    page.fill("#find", "train")
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    sizes = page.evaluate("""() => [...document.querySelectorAll('#view text')].map(text =>
        parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getBoundingClientRect().width
        / text.ownerSVGElement.viewBox.baseVal.width)""")
    assert min(sizes) >= 9
    assert _overlaps(page) == []
    page.click("#all")
    _picture(page, f"map-{width}-{scheme}")
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_a_node_is_found_and_put_in_the_middle(opened: Open, studio: Callable[[int], Any]) -> None:
    history = studio(12)
    page = opened(page_of(history.seen("version:pairs-1", "down")))
    assert "pairs@v60" not in names(page)
    page.fill("#find", "clip@5114")
    assert page.locator("#found").inner_text() == "1 found"
    page.click("#results a")
    assert middle(page) == "model:clip@51140000002c"
    assert page.locator("#view a.focus").get_attribute("aria-label") == "model model:clip@51140000002c"
    assert "training clip" in names(page) and page.locator("#results a").count() == 0
    page.locator("#about a", has_text="training clip").click()
    assert middle(page).startswith("training clip · run:")
    page.go_back()
    assert middle(page) == "model:clip@51140000002c"
    page.click("text=Back to the start")
    assert middle(page) == "pairs@v1"


def test_how_far_is_chosen_and_what_is_folded_is_opened(opened: Open, studio: Callable[[int], Any]) -> None:
    page = opened(page_of(studio(12).seen("version:pairs-1", "down")))
    page.select_option("#down", "1")
    assert names(page) == ["pairs@v1", "pass stats"]
    page.select_option("#down", "3")
    fold = page.locator("#view a.chain").first
    assert (fold.get_attribute("aria-label") or "").startswith("Unfold ⋯ pairs@v2 … pairs@v6, 5 versions")
    fold.click()
    assert "pairs@v2" in names(page) and page.locator("#view a.chain", has_text="pairs@v2 …").count() == 0
    before = page.locator("#view a.node").count()
    page.click("#all")
    assert page.locator("#view a.node").count() > 3 * before
    assert page.locator("#shown").inner_text().startswith("536 of 536 nodes shown in")
    page.check("#unfold")
    assert page.locator("#view a.node").count() == 536


def test_the_map_is_zoomed(opened: Open, studio: Callable[[int], Any]) -> None:
    page = opened(page_of(studio(4).seen("version:pairs-1", "down")))
    page.click("#all")
    page.click("#fit")
    size = "document.querySelector('#view svg').getBoundingClientRect().height"
    whole = page.evaluate(size)
    assert whole <= page.evaluate("document.querySelector('#view').clientHeight") + 1
    page.click("#in")
    assert page.evaluate(size) == pytest.approx(1.4 * whole, rel=0.01)
    page.hover("#view")
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"{size} > {2 * whole}")
    page.click("#fit")
    page.click("#near")
    assert middle(page) == "pairs@v1"


def test_all_of_it_by_keys(opened: Open, studio: Callable[[int], Any]) -> None:
    page = opened(page_of(studio(4).seen("version:pairs-1", "down")))
    page.keyboard.press("/")
    page.keyboard.type("train@v3")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").startswith("train@v3")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#about h2').textContent === 'train@v3'")
    page.focus("#view a.focus")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == "select train"
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#about h2').textContent.startsWith('select train')")
    assert page.evaluate("document.activeElement.matches('a.focus')"), "the keys stay where they were"


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_are_text(opened: Open, width: int) -> None:
    nodes = tuple(
        Node(f"{kind}:{n}", kind, text, text, {"job": text, "state": text, "columns": [text]})
        for n, (kind, text) in enumerate(
            (kind, text) for kind in ("source", "run", "version", "checkpoint") for text in NASTY
        )
    )
    edges = tuple(Edge(a.id, b.id, "used") for a in nodes[:6] for b in nodes[6:12])
    text = page_of(Lineage(nodes[0].id, "down", nodes, edges), whole=True)
    assert not HOSTILE.search(text.replace("\n", ""))
    page = opened(text, width)
    page.fill("#find", "script")
    assert page.locator("#results a").count() >= 4
    page.keyboard.press("Escape")
    page.click("#all")
    _picture(page, f"hostile-{width}")
    assert page.title().startswith("mmreg: what came of </script>")
    facts = page.evaluate("""() => { const all = [...document.querySelectorAll('*')]; return {
        tags: [...new Set(all.map(e => e.localName))],
        handlers: all.flatMap(e => [...e.attributes]).filter(a => /^on/.test(a.name)).length,
        links: [...document.querySelectorAll('a')].map(a => a.getAttribute('href')),
    }; }""")
    assert not {"img", "iframe", "object", "embed", "form", "base", "foreignObject"} & set(facts["tags"])
    assert facts["handlers"] == 0 and all(re.fullmatch(r"(#[nf]\d+)?", link) for link in facts["links"])


def test_the_policy_of_the_page_stops_what_gets_past_all_else(browser: Browser, tmp_path: Path) -> None:
    nodes = (Node("version:1", "version", "pairs", "pairs@v1"),)
    hole = "<script>document.title = 'run'</script><p onclick='1'>x</p><img src='http://127.0.0.1:9/x.png'>"
    file = tmp_path / "hole.html"
    file.write_text(page_of(Lineage("version:1", "up", nodes, ())).replace("<main>", f"<main>{hole}"), "utf-8")
    talk: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: talk.append(message.text))
    page.goto(file.as_uri())
    assert page.title() == "mmreg: where pairs@v1 came from"
    assert sum("Content Security Policy" in said for said in talk) >= 2
    page.close()


def test_without_scripts_there_is_a_tree(browser: Browser, tmp_path: Path, studio: Callable[[int], Any]) -> None:
    file = tmp_path / "lineage.html"
    file.write_text(page_of(studio(1).seen("version:pairs-2", "up")), "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert "└─ ingest pairs · run:20261122T000002.000002Z" in page.locator("noscript pre").inner_text()
    context.close()


def test_one_node_alone_and_a_path_without_a_way(opened: Open) -> None:
    nodes = (Node("version:1", "version", "pairs", "pairs@v1"), Node("source:1", "source", "x", "x"))
    page = opened(page_of(Lineage("version:1", "path", nodes, ())))
    assert names(page) == ["pairs@v1"] and page.title() == "mmreg: how pairs@v1 and another are connected"
    page.click("#all")
    assert sorted(names(page)) == ["pairs@v1", "x"]


class Seen(HTMLParser):
    """The tags of a page with their attributes, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_lineage_is_one_file_of_the_same_tags(lineages: st.SearchStrategy[Lineage], data: st.DataObject) -> None:
    text = page_of(data.draw(lineages))
    assert not HOSTILE.search(text.replace("\n", ""))
    nothing = page_of(Lineage("version:1", "up", (Node("version:1", "version", "pairs", "pairs@v1"),), ()))
    assert Seen(text).tags == Seen(nothing).tags
    assert {value for _, tag in Seen(text).tags for name, value in tag.items() if name in ("href", "src")} == {
        "data:,",
        "",
    }


def _overlaps(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("""() => {
        const boxes = [...document.querySelectorAll('#view a.node > path:last-of-type')].map(path => path.getBBox());
        return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
            a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height));
    }""")
    return found


def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/lineage-{name}.png", full_page=True)
