"""A machine without bubblewrap: plain processes of that user, and nobody is told otherwise."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_sshd import SSHD, Sshd, sshd

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.ssh.connection import BASE, CONFIG
from fabrik.sandboxes.ssh.provider import Ssh
from fabrik.testing.conformance import CASES, Case, Harness, case_id

# Every kind of thing that differs without bubblewrap; all of them with FABRIK_ALL_BACKENDS=1.
CHOSEN = {
    "exit_status_passes",
    "too_long_an_argument_gives_126",
    "stdin_is_binary",
    "environment_is_minimal",
    "home_is_made_anew_with_files",
    "read_file_follows_no_link",
    "tar_goes_out_and_in",
    "time_limit_ends_everything",
    "normal_end_leaves_no_daemon",
    "cancelling_ends_everything",
    "output_limit",
    "process_limit_stops_a_fork_bomb",
    "adopting_ends_what_ran",
    "destroying_ends_what_runs",
    "preflight_is_honest",
    "prepared_with_doors_reaches_them",
    "told_variables_are_seen",
    "a_reader_sees_the_same",
    "doors_lead_to_the_host",
}
_PROGRAMS = (
    "python3 git tar sh du env cat sed sleep head find sort cksum stat ls id mkdir rm ln mv cp touch chmod"
    " yes setsid truncate mkfifo sha256sum grep printf echo pwd test true false kill awk df tr cut mktemp tee"
)


def programs(directory: Path, python: str | None = None) -> Path:
    """A directory of programs that bwrap is not among."""
    directory.mkdir()
    for name in _PROGRAMS.split():
        if found := shutil.which(name, path="/usr/bin:/bin"):
            (directory / name).symlink_to(found)
    if python is not None:
        (directory / "python3").unlink()
        (directory / "python3").symlink_to(python)
    return directory


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd | None]:
    if not Path(SSHD).exists():
        yield None
        return
    place = tmp_path_factory.mktemp("plain")
    path = programs(place / "bin")
    with sshd(place, str(path)) as one:
        yield one


@pytest.fixture
def bare(plain: Sshd | None, monkeypatch: pytest.MonkeyPatch, require: object) -> Sshd:
    assert callable(require)
    require("sshd", lambda: None if plain else "openssh-server is not installed")
    assert plain is not None
    monkeypatch.setenv(CONFIG, str(plain.config))
    monkeypatch.setenv(BASE, str(plain.base))
    return plain


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def provider() -> Ssh:
    return Ssh("machine")


@pytest.mark.optional(reason="without bubblewrap the cases that need isolation do not apply")
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case_id(case) in CHOSEN or os.environ.get("FABRIK_ALL_BACKENDS") == "1"],
    ids=case_id,
)
def test_plain(case: Case, bare: Sshd, runner: asyncio.Runner, provider: Ssh, tmp_path: Path) -> None:
    async def whole() -> None:
        assert (await provider.preflight()).ready
        harness = Harness(provider=provider, directory=tmp_path)
        try:
            await case(harness)
        finally:
            await harness.clean()

    runner.run(whole())


def test_it_is_told(bare: Sshd, tmp_path: Path) -> None:
    async def whole() -> None:
        provider = Ssh("machine")
        report = await provider.preflight()
        assert report.ready and not provider.isolates
        assert "NOTHING is protected" in report.why
        probes = {probe.what: probe for probe in report.probes}
        assert not probes["network closed"].holds
        assert not probes["bubblewrap on that machine"].holds
        assert "apt-get install bubblewrap" in probes["bubblewrap on that machine"].todo

    asyncio.run(whole())


def test_what_is_shown_is_linked_and_never_replaces_anything(bare: Sshd, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.mkdir()
    (tool / "word").write_text("here")

    async def whole() -> None:
        h = Harness(provider=Ssh("machine"), directory=tmp_path)
        box = await h.box(read_only=[tool])  # the same is at this path of that machine, which is this one
        assert (await h.sh(box, f"cat {tool}/word")).fine().text == "here"
        await h.clean()

    asyncio.run(whole())
    assert not tool.is_symlink()


def test_links_lead_to_the_copy(tmp_path: Path) -> None:
    from fabrik.sandboxes.ssh.places import lay_links

    one, two = (tmp_path / "trees" / name / "it" for name in ("one", "two"))
    for copy in (one, two):
        copy.mkdir(parents=True)
    path = tmp_path / "a" / "b"
    for copy in (one, two, two):
        lay_links({path: copy})
        assert path.readlink() == copy
    (tmp_path / "a" / "mine").write_text("precious")
    with pytest.raises(SandboxBroken, match="something else is at this path"):
        lay_links({tmp_path / "a" / "mine": one})
    assert (tmp_path / "a" / "mine").read_text() == "precious"
