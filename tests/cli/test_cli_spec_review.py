"""`fabrik spec review` and its neighbours, as the real command."""

from __future__ import annotations

import json
from pathlib import Path

from ledgers import Fabrik

CORPUS = Path(__file__).parents[1] / "specs/review_corpus"


def test_exit_statuses(tmp_path: Path, fabrik: Fabrik) -> None:
    good, bad = CORPUS / "good/fabrik-median.md", CORPUS / "bad/vague.md"
    assert fabrik("spec", "review", str(good)).returncode == 0
    result = fabrik("spec", "review", str(good), str(bad))
    assert result.returncode == 4 and "1 of 2 specs are ready" in result.stdout
    assert f"vague-words {bad}:17" in result.stdout
    for name, content in (("a.md", b"\xff\xfe"), ("b.json", b"{"), ("c.md", b"")):
        (tmp_path / name).write_bytes(content)
        assert fabrik("spec", "review", str(tmp_path / name)).returncode == 2
    assert fabrik("spec", "review", str(tmp_path / "missing.md")).returncode == 2


def test_an_unreadable_file_hides_no_other(tmp_path: Path, fabrik: Fabrik) -> None:
    (tmp_path / "b.md").write_bytes(b"\xff\xfe")
    good = CORPUS / "good/fabrik-median.md"
    result = fabrik("spec", "review", str(tmp_path / "b.md"), str(good))
    assert result.returncode == 2 and "100 of 100" in result.stdout and "b.md" in result.stderr
    result = fabrik("spec", "review", "--json", str(tmp_path / "b.md"), str(good))
    assert result.returncode == 2 and len(json.loads(result.stdout)) == 1


def test_points_that_do_not_count_are_told(fabrik: Fabrik) -> None:
    result = fabrik("spec", "review", str(CORPUS / "bad/vague.md"))
    assert "points of vague-words, 60 count" in result.stdout


def test_json_and_the_bar(fabrik: Fabrik) -> None:
    path = CORPUS / "good/rdd-webhooks.md"
    (found,) = json.loads(fabrik("spec", "review", str(path), "--json").stdout)
    assert found["verdict"] == "ready" and found["min_score"] == 80
    assert set(found["findings"][0]) == {"rule", "file", "line", "words", "why", "instead", "points"}
    assert fabrik("spec", "review", str(path), "--min-score", "100").returncode == 4


def test_convert_and_minify(tmp_path: Path, fabrik: Fabrik) -> None:
    path = tmp_path / "median.md"
    path.write_bytes((CORPUS / "good/fabrik-median.md").read_bytes())
    assert fabrik("spec", "convert", str(path)).stdout == f"wrote {tmp_path / 'median.json'}\n"
    again = fabrik("spec", "convert", str(path))
    assert again.returncode == 2 and "is there already" in again.stderr
    result = fabrik("spec", "minify", str(tmp_path / "median.json"))
    assert result.returncode == 0 and "% saved" in result.stdout
    assert json.loads((tmp_path / "median.min.json").read_text())["id"] == "0001-median"
