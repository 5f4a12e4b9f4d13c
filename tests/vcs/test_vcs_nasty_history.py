"""Whatever an agent does with HEAD, its branches and the index: the harvest brings the work all the same."""

from __future__ import annotations

from pathlib import Path

from vcs_repos import Setting, commit, git, outcome, write


def test_a_detached_head_and_other_branches_come_along(tmp_path: Path) -> None:
    at: dict[str, str] = {}

    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "checkout", "-q", "-b", "feature/one")
        at["one"] = commit(w, "One", one_txt="1\n")
        git(w, "pack-refs", "--all")
        git(w, "checkout", "-q", "-b", "feature/two", "work")
        at["two"] = commit(w, "Two", two_txt="2\n")
        write(w, stashed_txt="s\n")
        git(w, "stash", "-q", "--include-untracked")
        git(w, "checkout", "-q", "--detach", "work")
        at["three"] = commit(w, "Three", three_txt="3\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.head == at["three"]
    assert "one.txt" not in files
    assert git(s.repo.path, "rev-parse", "refs/fabrik/steps/1/heads/feature/one") == at["one"]
    assert git(s.repo.path, "rev-parse", "refs/fabrik/steps/1/heads/feature/two") == at["two"]
    assert git(s.repo.path, "log", "-1", "--format=%s", "refs/fabrik/steps/1/stash").startswith("WIP on")


def test_a_merge_in_progress_with_conflicts(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "checkout", "-q", "-b", "other")
        commit(w, "Theirs", README_md="theirs\n")
        git(w, "checkout", "-q", "work")
        commit(w, "Ours", README_md="ours\n")
        git(w, "merge", "-q", "other", check=False)
        assert "UU" in git(w, "status", "--porcelain")

    report, files, _ = outcome(tmp_path, nasty)
    assert (report.leftover, report.git) == (True, "healthy")
    assert "<<<<<<<" in files["README.md"]


def test_flags_that_hide_changes(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        w = s.workspace
        git(w, "update-index", "--assume-unchanged", "src/a.py")
        git(w, "update-index", "--skip-worktree", "src/b.py")
        (w / "src" / "a.py").write_text("changed a\n")
        (w / "src" / "b.py").write_text("changed b\n")
        assert git(w, "status", "--porcelain") == ""

    report, files, _ = outcome(tmp_path, nasty)
    assert report.leftover
    assert (files["src/a.py"], files["src/b.py"]) == ("changed a", "changed b")


def test_a_sparse_checkout_deletes_nothing(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "sparse-checkout", "set", "--no-cone", "/README.md")
        assert not (s.workspace / "src").exists()
        write(s.workspace, README_md="changed\n")

    _, files, _ = outcome(tmp_path, nasty)
    assert files["README.md"] == "changed"
    assert files["src/a.py"] == "a = 1"


def test_one_broken_branch_does_not_cost_the_others_work(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        commit(s.workspace, "Own", a_txt="a\n")
        (s.workspace / ".git" / "refs" / "heads" / "ghost").write_text("1234567890" * 4 + "\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    assert any("only HEAD" in note for note in report.notes)
    assert git(s.repo.path, "log", "-1", "--format=%s", report.head) == "Own"
    assert files["a.txt"] == "a"


def test_strange_refs_are_left_out(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        head = commit(s.workspace, "Own", a_txt="a\n")
        heads = s.workspace / ".git" / "refs" / "heads"
        for name in ("two words", "a..b", "x.lock", "que?", "new\nline", "at@{1}", "ünïcode"):
            (heads / name).write_text(head + "\n")
        (heads / "short").write_text("123\n")
        (heads / "null").write_text("\0" * 50)
        (heads / "deep").mkdir()
        (heads / "deep" / "er").write_text(head + "\n")

    report, _, s = outcome(tmp_path, nasty)
    assert report.git == "healthy"
    names = git(s.repo.path, "for-each-ref", "--format=%(refname)", "refs/fabrik/steps/").splitlines()
    assert {name.removeprefix("refs/fabrik/steps/1/") for name in names} == {
        "HEAD",
        "heads/work",
        "heads/deep/er",
        "heads/ünïcode",
    }


def test_more_branches_than_anybody_needs(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        head = commit(s.workspace, "Own", a_txt="a\n")
        for number in range(600):
            (s.workspace / ".git" / "refs" / "heads" / f"b{number}").write_text(head + "\n")

    report, files, _ = outcome(tmp_path, nasty)
    assert files["a.txt"] == "a"
    assert any("only HEAD" in note for note in report.notes)


def test_unborn_head(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "checkout", "-q", "--orphan", "nothing-yet")
        write(s.workspace, b_txt="b\n")

    report, files, s = outcome(tmp_path, nasty)
    assert report.leftover
    assert files["b.txt"] == "b"
    assert git(s.repo.path, "rev-parse", f"{report.head}^") == s.base.commit


def test_history_taken_back(tmp_path: Path) -> None:
    def nasty(s: Setting) -> None:
        git(s.workspace, "reset", "-q", "--hard", "HEAD~1")

    report, files, s = outcome(tmp_path, nasty)
    assert report.head == git(s.project, "rev-parse", "HEAD~1")
    assert set(files) == {"README.md", ".gitignore"}
