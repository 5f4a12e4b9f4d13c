"""Work lands in checkouts with hooks, filters, submodules and other settings of the user's."""

from __future__ import annotations

from pathlib import Path

from landing_kit import make_kit
from vcs_repos import commit, git, make_project


def test_no_hook_runs_and_configuration_does_no_harm(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "post-merge", "pre-commit"):
        path = kit.project / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        path.chmod(0o755)
    trap = f"touch {tmp_path}/sprung; cat"
    settings = {
        **dict.fromkeys(("core.fsmonitor", "diff.external", "core.pager"), trap),
        **dict.fromkeys(("core.splitIndex", "core.safecrlf", "submodule.recurse"), "true"),
        "core.untrackedCache": "true",
        "index.version": "4",
        "diff.renames": "copies",
    }
    for name, value in settings.items():
        git(kit.project, "config", name, value)
    new = kit.make(src__a_py="a = 5\n", ünï="x\n")
    kit.land(new)
    assert not (tmp_path / "sprung").exists()
    git(kit.project, "config", "--unset", "core.fsmonitor")
    assert kit.head() == new and kit.status() == ""


def test_line_ends_and_filters_as_in_the_working_tree(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    git(project, "config", "filter.up.clean", "tr a-z A-Z")
    git(project, "config", "filter.up.smudge", "tr A-Z a-z")
    commit(
        project, "More", _gitattributes="*.up filter=up\n*.dos text eol=crlf\n", x_up="loud\n", y_dos="1\n"
    )
    (project / "y.dos").unlink()
    git(project, "checkout", "-q", "--", "y.dos")
    assert (project / "y.dos").read_bytes() == b"1\r\n"
    kit = make_kit(tmp_path, project)
    git(kit.work, "config", "filter.up.clean", "tr a-z A-Z")
    new = kit.make(x_up="louder\n", y_dos="2\n", z_dos="3\n")
    kit.land(new)
    assert (project / "x.up").read_text() == "louder\n"
    assert (project / "y.dos").read_bytes() == b"2\r\n" and (project / "z.dos").read_bytes() == b"3\r\n"
    assert kit.status() == ""


def test_submodules_are_left_alone(tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    project = make_project(tmp_path / "p")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    git(project, "commit", "-q", "-m", "Add sub")
    further = commit(other, "Further", a_txt="a\n")
    kit = make_kit(tmp_path, project)
    git(kit.work, "update-index", "--cacheinfo", f"160000,{further},sub")
    git(kit.work, "update-index", "--add", "--cacheinfo", f"160000,{further},sub2")
    git(kit.work, "commit", "-q", "-m", "Point further")
    kit.land(kit.bring())
    assert git(project, "ls-files", "--stage", "sub").split()[1] == further
    assert not (project / "sub/a.txt").exists() and (project / "sub2").is_dir()


def test_a_sparse_checkout_stays_sparse(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p")
    commit(project, "More", far__x_txt="1\n")
    git(project, "sparse-checkout", "set", "src")
    kit = make_kit(tmp_path, project)
    kit.land(kit.make(far__x_txt="2\n", src__a_py="a = 5\n"))
    assert not (project / "far").exists() and kit.status() == ""
    assert (project / "src/a.py").read_text() == "a = 5\n"
