"""The parts that both providers are made of, each by itself."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fabrik.errors import SandboxBroken, UsageError
from fabrik.sandboxes import inside, procs, registry, seccomp, shown_etc, watch
from fabrik.sandboxes.bwrap_args import Descriptors, arguments
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.pidfd import Child, PidFd
from fabrik.sandboxes.probes import namespaces_todo
from fabrik.sandboxes.reading import read_below, write_files
from fabrik.sandboxes.remove import remove_tree
from fabrik.sandboxes.sandbox import Command, SandboxSpec
from fabrik.testing.conformance.harness import alive, token


def test_registry_loads_by_name_and_by_path() -> None:
    for name in registry.PROVIDERS:
        asked = f"{name}:host" if name == "ssh" else name
        assert registry.load(asked).name.partition(":")[0] == name
    assert registry.load("fabrik.sandboxes.none:Unprotected").isolates is False
    assert registry.load(registry.default_name()).isolates is True


@pytest.mark.parametrize(
    "name", ["cellar", "", "nowhere:Class", "fabrik.sandboxes.none:Missing", ":x", "podman:x"]
)
def test_registry_names_what_there_is(name: str) -> None:
    with pytest.raises((UsageError, ValueError)) as refused:
        registry.load(name)
    assert isinstance(refused.value, UsageError)
    assert all(word in str(refused.value) for word in name.split(":"))


def test_unknown_provider_lists_the_known() -> None:
    with pytest.raises(UsageError, match="bubblewrap, docker, none, podman"):
        registry.load("cellar")


class TestRemoveTree:
    def test_goes_through_locked_directories(self, tmp_path: Path) -> None:
        tree = tmp_path / "tree"
        (tree / "a" / "b").mkdir(parents=True)
        (tree / "a" / "b" / "file").write_text("x")
        (tree / "a" / "b").chmod(0)
        (tree / "a").chmod(0)
        remove_tree(tree)
        assert list(tmp_path.iterdir()) == []

    def test_as_an_ordinary_user(self, tmp_path: Path) -> None:
        """Root may enter everything, so the test proves something only for somebody else."""
        if os.getuid() != 0:
            pytest.skip("runs as an ordinary user already: the case above shows it")
        script = (
            "import os, sys; from pathlib import Path; from tempfile import mkdtemp\n"
            "top = Path(mkdtemp()); tree = top / 'tree'; (tree / 'a/b').mkdir(parents=True)\n"
            "(tree / 'a/b/f').write_text('x'); (tree / 'a/b').chmod(0); (tree / 'a').chmod(0)\n"
            "exec(sys.stdin.read()); remove_tree(tree); print(list(top.iterdir())); top.rmdir()\n"
        )
        import fabrik.sandboxes.remove as module

        done = subprocess.run(
            ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "/usr/bin/python3", "-c", script],
            input=Path(module.__file__).read_text(),
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert (done.stdout, done.stderr) == ("[]\n", "")

    def test_does_not_follow_links(self, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "file").write_text("kept")
        tree = tmp_path / "tree"
        tree.mkdir()
        (tree / "link").symlink_to(tmp_path / "outside")
        (tmp_path / "top").symlink_to(tmp_path / "outside")
        remove_tree(tree)
        remove_tree(tmp_path / "top")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["outside"]
        assert (tmp_path / "outside" / "file").read_text() == "kept"

    def test_what_is_gone_is_fine(self, tmp_path: Path) -> None:
        remove_tree(tmp_path / "gone")
        remove_tree(tmp_path / "gone" / "deeper")

    def test_any_depth_with_few_descriptors(self, tmp_path: Path) -> None:
        here = os.open(tmp_path, os.O_RDONLY)
        try:
            for _ in range(2500):
                os.mkdir("d", dir_fd=here)
                below = os.open("d", os.O_RDONLY, dir_fd=here)
                os.close(here)
                here = below
        finally:
            os.close(here)
        remove_tree(tmp_path / "d")
        assert list(tmp_path.iterdir()) == []


class TestFiles:
    def test_written_for_the_owner_alone(self, tmp_path: Path) -> None:
        write_files(tmp_path, {"a/b/c": b"1", "d": b"2"})
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
        assert modes == {"a": 0o700, "b": 0o700, "c": 0o600, "d": 0o600}

    @pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "."])
    def test_refuses_paths_that_leave(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match="below HOME"):
            write_files(tmp_path / "home", {name: b"x"})
        assert list(tmp_path.iterdir()) == []

    def test_reads_no_device(self, tmp_path: Path) -> None:
        assert read_below(Path("/dev"), ("zero",), 10) is None
        assert read_below(tmp_path, (), 10) is None


class TestInside:
    def test_environment_has_nothing_of_the_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET", "x")
        monkeypatch.setenv("SSL_CERT_FILE", "/home/me/own.pem")
        monkeypatch.setenv("CURL_CA_BUNDLE", "/etc/ssl/../../home/me/own.pem")
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca.crt")
        spec = SandboxSpec(name="a/b", root=Path("/r"), path=["/p"], env={"A": "1", "B": "1"})
        env = inside.environment(spec, "/h", {"B": "2", "FABRIK_SANDBOX": "forged"})
        assert not {"SECRET", "SSL_CERT_FILE", "CURL_CA_BUNDLE"} & set(env)
        assert env["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/certs/ca.crt"
        assert (env["A"], env["B"], env["HOME"], env["FABRIK_SANDBOX"]) == ("1", "2", "/h", "a/b")
        assert env["PATH"].split(":")[0] == "/p"

    def test_no_secret_of_etc_is_bound(self, tmp_path: Path) -> None:
        shown_etc.lay_out(tmp_path / "etc")
        copied = [str(path.relative_to(tmp_path)) for path in (tmp_path / "etc").rglob("*")]
        assert "etc/passwd" in copied
        shown = " ".join([*inside.system(), *shown_etc.mounts(), *copied])
        for name in (
            "shadow",
            "npmrc",
            "pip.conf",
            "gitconfig",
            "ssl/private",
            "/etc /etc",
            "ssh",
            "profile.d",
        ):
            assert name not in shown

    def test_etc_follows_the_host(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path)
        layout.renew_etc()
        assert (layout.etc / "passwd").read_text().startswith("root:")
        first = layout.etc.stat().st_ino
        layout.renew_etc()
        assert layout.etc.stat().st_ino == first
        (layout.etc / "passwd").write_text("")
        layout.renew_etc()
        assert (layout.etc / "passwd").read_text().startswith("root:")

    def test_path_that_is_missing_is_named(self, tmp_path: Path) -> None:
        spec = SandboxSpec(name="a", root=tmp_path, read_only=[tmp_path / "missing"])
        command = Command(argv=["true"], stdout=tmp_path / "o", stderr=tmp_path / "o")
        fds = Descriptors(status=3, block=4, go=None, env=None, filter=None, users=None)
        with pytest.raises(SandboxBroken, match="missing"):
            arguments(spec, Layout(tmp_path), command, flags=frozenset(), fds=fds)


class TestSeccomp:
    def test_known_machines_have_a_whole_program(self) -> None:
        for machine in ("x86_64", "aarch64"):
            program = seccomp.program(machine)
            assert program is not None and len(program) % 8 == 0
            steps = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
            for at, (_, yes, no, _) in enumerate(steps):
                assert at + 1 + max(yes, no) < len(steps) or (yes, no) == (0, 0)
            assert steps[-1][0] == 0x06

    def test_unknown_machine_has_none(self) -> None:
        assert seccomp.program("pdp11") is None


class TestProcesses:
    def test_watched_tree_reaches_its_limits(self) -> None:
        program = (
            "import os, time\nheld = bytearray(b'x' * (100 << 20))\nfor _ in range(5):\n"
            "    if os.fork() == 0: time.sleep(1000)\ntime.sleep(1000)"
        )

        async def look() -> tuple[str, str]:
            child = Child([sys.executable, "-c", program], env={"PATH": os.defpath})
            try:
                async with asyncio.timeout(30):
                    count = await watch.processes(child.pid, None, 4)
                    # Shared between six processes: 100 MiB in all, not 600.
                    memory = await watch.processes(child.pid, 60 << 20, None)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(2):
                        await watch.processes(child.pid, 300 << 20, 6)
                return count, memory
            finally:
                for pid in reversed(procs.tree(child.pid)):
                    PidFd(pid).kill()
                await child.close()

        assert asyncio.run(look()) == ("processes", "memory")

    def test_marked_spares_itself_and_finds_exactly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mark = token()
        monkeypatch.setenv(procs.MARK, mark)
        mine = subprocess.Popen(["sleep", mark], env={procs.MARK: mark, "PATH": os.defpath})
        other = subprocess.Popen(["sleep", mark], env={procs.MARK: mark + "/x", "PATH": os.defpath})
        try:
            assert procs.marked(mark) == [mine.pid]
            assert procs.kill_marked(mark) == 1
            assert mine.wait() == -9
            assert alive(mark) == [other.pid]
        finally:
            for process in (mine, other):
                process.kill()
                process.wait()

    def test_wait_for_a_child_that_is_gone_already(self) -> None:
        async def go() -> int:
            child = Child(["false"], env={"PATH": os.defpath})
            status = await child.wait()
            await child.close()
            await child.close()
            return status

        assert asyncio.run(go()) == 1


class TestDisk:
    def test_counts_blocks_and_links_once(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"x" * 1_000_000)
        (tmp_path / "b").hardlink_to(tmp_path / "a")
        (tmp_path / "elsewhere").symlink_to("/usr")
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(1 << 40)
        held = asyncio.run(watch.held_below([tmp_path]))
        assert 1_000_000 <= held < 1_200_000


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("sys/kernel/apparmor_restrict_unprivileged_userns=1", "apparmor_restrict_unprivileged_userns=0"),
        ("sys/kernel/unprivileged_userns_clone=0", "unprivileged_userns_clone=1"),
        ("sys/user/max_user_namespaces=0", "max_user_namespaces"),
        ("sys/user/max_user_namespaces=100", "seccomp=unconfined"),
    ],
)
def test_todo_names_the_setting(tmp_path: Path, setting: str, word: str) -> None:
    name, _, value = setting.partition("=")
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(value + "\n")
    assert word in namespaces_todo(tmp_path)
