"""The site: every link in it leads somewhere, every page is in the navigation, nothing is from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stage import Stage

from fabrik.errors import UsageError
from fabrik.manual.pages import INDEX, topics
from fabrik.manual.site.build import MARKER, build, files

NAMES = [INDEX, *(topic.name for topic in topics())]
VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Page(HTMLParser):
    """What is in a page of the site."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)  # href and src
    navigation: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("href", "src"):
            if name in values:
                self.links.append(values[name])
                if "details" in self.opened and tag == "a":
                    self.navigation.append(values[name])
        if "aria-current" in values:
            self.current.append(values["href"])
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag, f"{tag} is closed at the wrong place"

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text("utf-8"))
    page.close()
    assert page.opened == []
    return page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("site") / "built" / "site"
    assert build(directory) == len(NAMES)
    yield directory


def test_there_is_a_file_for_each_page_and_nothing_else(site: Path) -> None:
    expected = {f"{name}.html" for name in NAMES} | {MARKER, "style.css", "search.js", "search-index.js"}
    assert {path.name for path in site.iterdir()} == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_page_leads_somewhere(site: Path, name: str) -> None:
    page = read(site / f"{name}.html")
    assert len(page.links) > 10
    for link in page.links:
        target, _, anchor = link.partition("#")
        if target.startswith("https://"):
            continue
        path = site / (target or f"{name}.html")
        assert path.is_file(), link
        if anchor:
            assert anchor in read(path).ids, link
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_in_the_navigation_of_every_page(site: Path, name: str) -> None:
    page = read(site / f"{name}.html")
    assert page.navigation == [f"{topic.name}.html" for topic in topics()]
    assert page.current == ([] if name == INDEX else [f"{name}.html"])


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.iterdir():
        content = path.read_text("utf-8")
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//[^"']+\.(?:js|css|woff2?|png|svg)""", content)
        assert "@import" not in content
        assert "url(" not in content or path.suffix in (".html", ".js")
        assert "<script src=" not in content or "http" not in "".join(re.findall(r"<script[^>]*>", content))


def test_comments_of_the_pages_are_not_published(site: Path) -> None:
    assert not any("<!--" in path.read_text("utf-8") for path in site.glob("*.html"))


def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="no site that fabrik wrote"):
        build(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("index.html", "mine")]


def test_a_site_of_ours_is_replaced(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "CNAME").write_text("docs.example.org")
    build(tmp_path)
    assert (tmp_path / "index.html").read_text() != "old"
    assert (tmp_path / "CNAME").read_text() == "docs.example.org"


def test_commands_look_different_from_their_output(site: Path) -> None:
    quick = (site / "quick-start.html").read_text("utf-8")
    assert '<span class="prompt">$ </span><b>fabrik approve last</b>' in quick
    assert "<i>shipped  median: tally says the median</i>" in quick


def test_the_search_knows_every_page_and_only_places_that_are_there(site: Path) -> None:
    content = (site / "search-index.js").read_text("utf-8")
    places = json.loads(content.removeprefix("window.MANUAL = ").rstrip(";\n"))
    assert {place["href"].partition("#")[0] for place in places} == {f"{name}.html" for name in NAMES[1:]}
    for place in places:
        name, _, anchor = place["href"].partition("#")
        assert not anchor or anchor in read(site / name).ids


def test_the_search_finds(site: Path, require: object) -> None:
    """The script itself, with as much of a browser as it uses."""
    assert callable(require)
    require("node", lambda: None if shutil.which("node") else "node is not installed")
    script = (site / "search.js").read_text("utf-8")
    scoring = script[script.index("function score") : script.index("function excerpt")]
    program = f"""
        const window = {{}};
        {(site / "search-index.js").read_text("utf-8")}
        {scoring}
        const best = (words) => window.MANUAL.map((place) => [score(place, words), place])
          .filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]).map(([, place]) => place.href);
        const found = [best(["overnight"])[0], best(["zzzz"]).length, best(["disk", "zzzz"]).length];
        console.log(JSON.stringify(found));
    """
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["operations.html#overnight", 0, 0]


def test_the_command_writes_the_same_site_also_over_an_older_one(site: Path, stage: Stage) -> None:
    for _ in range(2):
        status, output = stage.run("fabrik docs --site site")
        assert (status, output) == (0, f"wrote {len(NAMES)} pages: site/index.html\n")
    for name, content in files():
        assert (stage.project / "site" / name).read_text("utf-8") == content


def test_a_directory_that_cannot_be_written_is_one_message(stage: Stage) -> None:
    status, output = stage.run("touch file; fabrik docs --site file/site")
    assert status == 1
    assert output.startswith("error: file/site: the site cannot be written")
