"""The review on specs written for it: every bad one is caught for its reason, no good one is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from fabrik.specs.drafts import siblings
from fabrik.specs.reviewing.finding import DEFAULT_MIN_SCORE
from fabrik.specs.reviewing.review import review

CORPUS = Path(__file__).parent / "review_corpus"
REASONS: dict[str, str] = tomllib.loads((CORPUS / "reasons.toml").read_text(encoding="utf-8"))
BAD, GOOD = siblings(CORPUS / "bad"), siblings(CORPUS / "good")


def test_the_corpus_is_whole() -> None:
    assert {path.name for path in BAD} == set(REASONS)
    assert len(BAD) >= 14 and len(GOOD) >= 14
    assert len(set(REASONS.values())) >= 14


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_bad_one_is_caught_for_its_reason(path: Path) -> None:
    (found,) = review([path])
    rules = {finding.rule: finding for finding in found.findings}
    assert REASONS[path.name] in rules, found
    assert found.verdict == "needs work", found
    # And by that finding alone: it would be refused if all else were mended.
    own = [finding.points for finding in found.findings if finding.rule == REASONS[path.name]]
    assert sum(own) > 100 - DEFAULT_MIN_SCORE, found


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_no_good_one_is_refused(path: Path) -> None:
    (found,) = review([path])
    assert found.verdict == "ready", found


@pytest.mark.parametrize("path", [*BAD, *GOOD], ids=lambda path: path.name)
def test_every_finding_can_be_found(path: Path) -> None:
    """The place is a line of its file, and what is quoted stands on or below it."""
    for finding in review([path])[0].findings:
        assert finding.file is not None and finding.why and finding.instead
        lines = finding.file.read_text(encoding="utf-8").splitlines()
        assert 1 <= finding.line <= len(lines), finding
        if finding.words:
            first = finding.words.split()[0].strip("…`\"'")
            near = " ".join(lines[max(0, finding.line - 1) : finding.line + 3]).replace("\\", "")
            assert first in near, finding
