"""The pages themselves: each is in the table of contents, has one title, and leads only to what is there."""

from __future__ import annotations

import re

import pytest
from manual_texts import PAGES, ROOT

from fabrik.errors import UsageError
from fabrik.manual.markdown import page_link, plain, slug, tree
from fabrik.manual.pages import INDEX, search, source, text, topics

NAMES = [INDEX, *(topic.name for topic in topics())]


def test_every_page_is_in_the_table_of_contents_once() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in PAGES.glob("*.md"))
    assert all(topic.section and topic.title and topic.summary for topic in topics())


def test_every_line_of_the_table_of_contents_is_understood() -> None:
    entries = [line for line in source(INDEX).splitlines() if line.startswith("- ")]
    assert len(entries) == len(topics())


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_a_line_about_a_topic_fits_on_a_terminal(topic: object) -> None:
    widest = max(len(topic.name) for topic in topics())
    assert widest + len(getattr(topic, "summary", "")) <= 100 - 4


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_one_title_at_its_beginning(name: str) -> None:
    headings = [node for node in tree(text(name)).children if node.type == "heading"]
    assert [node.tag for node in headings].count("h1") == 1
    assert headings[0].tag == "h1"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_leads_only_to_pages_and_headings_that_are_there(name: str) -> None:
    wrong = []
    for node in tree(text(name)).walk():
        if node.type == "link":
            href = str(node.attrs["href"])
            page = page_link(href)
            if page is None:
                if not href.startswith("https://"):
                    wrong.append(href)
            elif (page[0] or name) not in NAMES or (page[1] and page[1] not in anchors(page[0] or name)):
                wrong.append(href)
    assert not wrong


def test_texts_outside_the_manual_lead_to_files_that_are_there() -> None:
    outside = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples/tally/README.md")
    wrong = [
        f"{path.name}: {href}"
        for path in outside
        for href in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
        if not href.startswith("https://") and not (path.parent / href).exists()
    ]
    assert not wrong


def test_no_text_speaks_of_pages_where_they_once_were() -> None:
    """The pages moved into the package; `docs/` has the decisions, and what is published for editors."""
    assert sorted(path.name for path in (ROOT / "docs").iterdir()) == ["decisions", "schemas"]
    old = re.compile(rf"docs/(?:{'|'.join(NAMES)})\.md")
    texts = [*ROOT.glob("*.md"), *(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.md")]
    assert [str(path) for path in texts if old.search(path.read_text("utf-8"))] == []


def test_comments_are_never_part_of_a_page() -> None:
    assert any("<!--" in source(name) for name in NAMES)
    assert not any("<!--" in text(name) for name in NAMES)


def test_every_command_has_a_page_that_names_it() -> None:
    from fabrik.cli.main import COMMANDS

    all_pages = "\n".join(text(name) for name in NAMES)
    assert [name for name in COMMANDS if f"fabrik {name}" not in all_pages] == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("config", "configuration"),
        ("Quick Start", "quick-start"),
        ("quikstart", "quick-start"),
        ("leger", "ledger"),
    ],
)
def test_an_unknown_topic_names_the_closest_one(asked: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"fabrik docs {meant}"):
        text(asked)


@pytest.mark.parametrize("asked", ["", "../../errors", "zzzzzzzz", "/etc/passwd"])
def test_what_is_no_topic_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match="fabrik docs lists"):
        text(asked)


def test_search_finds_words_of_any_case_with_the_heading_above_them() -> None:
    found = list(search("budget-usd"))
    assert {place.topic for place in found} >= {"operations", "troubleshooting"}
    assert any(place.heading == "Overnight" for place in found)
    assert [place.line for place in search("BUDGET-USD")] == [place.line for place in found]
    assert list(search("a word that nobody would write")) == []


def test_anchors_are_those_of_github() -> None:
    assert slug("What `it` is: two, or 3-4?") == "what-it-is-two-or-3-4"
    assert slug("Same", ["same"]) == "same-1"


def anchors(name: str) -> set[str]:
    found: set[str] = set()
    for node in tree(text(name)).walk():
        if node.type == "heading" and node.tag != "h1":
            found.add(slug(plain(node), found))
    return found
