"""A command: its arguments, streams, environment, and how it ended."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import hashlib
import json
import os

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Command
from fabrik.testing.conformance.harness import Case, Harness

_SAY_ARGV = "import json, sys; print(json.dumps(sys.argv[1:]))"


async def exit_status_passes(h: Harness) -> None:
    box = await h.box()
    for status in (0, 1, 3, 42, 255):
        end = (await h.sh(box, f"exit {status}")).end
        assert (end.status, end.signal, end.stopped_by) == (status, None, None)
        assert end.ok is (status == 0)


async def signal_is_reported(h: Harness) -> None:
    box = await h.box()
    for number in (15, 9, 6):
        end = (await h.sh(box, f"kill -{number} $$")).end
        assert (end.status, end.signal, end.stopped_by) == (None, number, None)
        assert not end.ok


async def program_that_does_not_exist_gives_127(h: Harness) -> None:
    box = await h.box()
    assert (await h.run(box, "no-such-program")).end.status == 127
    assert (await h.run(box, "/no/such/program")).end.status == 127


async def program_that_is_not_executable_gives_126(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "echo text > plain && chmod 0644 plain")
    assert (await h.run(box, f"{box.workspace}/plain")).end.status == 126
    assert (await h.run(box, "/usr")).end.status == 126


async def script_without_first_line_runs_in_a_shell(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "echo 'echo from the script \"$1\"' > bare && chmod 0755 bare")
    assert (await h.run(box, f"{box.workspace}/bare", "one")).fine().text == "from the script one"


async def arguments_arrive_as_they_are(h: Harness) -> None:
    box = await h.box()
    argv = ["", " two  spaces ", "line\nline", "$HOME `id` \"q\" 'q'", "-n", "--", "grün 🦊", "*", "\\"]
    ran = (await h.python(box, _SAY_ARGV, *argv)).fine()
    assert json.loads(ran.out) == argv


async def many_arguments_arrive(h: Harness) -> None:
    box = await h.box()
    argv = [f"{number:0100d}" for number in range(1024)]
    assert json.loads((await h.python(box, _SAY_ARGV, *argv)).fine().out) == argv


async def too_long_an_argument_gives_126(h: Harness) -> None:
    box = await h.box()
    ran = await h.run(box, "echo", "x" * (4 << 20))
    assert ran.end.status == 126 and ran.err


async def stdin_is_binary(h: Harness) -> None:
    box = await h.box()
    data = bytes(range(256)) * 300
    assert (await h.run(box, "cat", stdin=data)).fine().out == data


async def stdin_ends(h: Harness) -> None:
    box = await h.box()
    assert (await h.run(box, "cat")).fine().out == b""
    assert (await h.sh(box, "cat; echo after", stdin=b"x\n")).fine().out == b"x\nafter\n"


async def stdin_from_a_large_file(h: Harness) -> None:
    box = await h.box()
    source = h.directory / "large"
    source.write_bytes(os.urandom(1 << 20) * 16)
    ran = (await h.run(box, "sha256sum", stdin=source)).fine()
    assert ran.text.split()[0] == hashlib.sha256(source.read_bytes()).hexdigest()


async def stdin_that_nobody_reads_holds_nothing_up(h: Harness) -> None:
    box = await h.box()
    await h.run(box, "true", stdin=b"x" * (8 << 20))
    assert (await h.run(box, "head", "-c", "1", stdin=b"x" * (8 << 20))).fine().out == b"x"


async def stdout_and_stderr_apart(h: Harness) -> None:
    box = await h.box()
    ran = (await h.sh(box, "echo out; echo err >&2")).fine()
    assert (ran.out, ran.err) == (b"out\n", b"err\n")
    assert ran.end.output_bytes == 8


async def stdout_and_stderr_together(h: Harness) -> None:
    box = await h.box()
    log = h.directory / "both"
    script = "for n in 1 2 3; do echo out $n; echo err $n >&2; done"
    end = await box.exec(Command(argv=["/bin/sh", "-c", script], stdout=log, stderr=log))
    assert log.read_text() == "".join(f"out {n}\nerr {n}\n" for n in (1, 2, 3))
    assert end.output_bytes == log.stat().st_size


async def output_is_binary(h: Harness) -> None:
    box = await h.box()
    program = "import os\nfor _ in range(100): os.write(1, bytes(range(256)) * 64)"
    assert (await h.python(box, program)).fine().out == bytes(range(256)) * 6400


async def log_is_written_anew(h: Harness) -> None:
    box = await h.box()
    log = h.directory / "log"
    log.write_text("a longer text of an earlier attempt\n")
    await box.exec(Command(argv=["echo", "new"], stdout=log, stderr=log))
    assert log.read_text() == "new\n"


async def environment_is_minimal(h: Harness) -> None:
    box = await h.box()
    os.environ["FABRIK_CONFORMANCE_LEAK"] = "leaked"
    try:
        names = {line.split("=")[0] for line in (await h.run(box, "env")).fine().text.splitlines()}
    finally:
        del os.environ["FABRIK_CONFORMANCE_LEAK"]
    assert {"PATH", "HOME", "LANG", "TERM"} <= names
    ours = {"USER", "PWD", "TMPDIR", "SHLVL", "_", "FABRIK_SANDBOX"}
    certificates = {name for name in names if "SSL" in name or "CERT" in name or "CA_BUNDLE" in name}
    assert names - {"PATH", "HOME", "LANG", "TERM"} - ours - certificates == set()


async def environment_is_set(h: Harness) -> None:
    box = await h.box(env={"ONE": "1", "TWO": "of the sandbox"}, path=["/first/of/all"])
    ran = await h.sh(
        box, 'printf "%s|" "$ONE" "$TWO" "$ODD" "$HOME" "$PATH"', env={"TWO": "2", "ODD": "a=b\nü $x"}
    )
    one, two, odd, home, path, _ = ran.fine().out.decode().split("|")
    assert (one, two, odd, home) == ("1", "2", "a=b\nü $x", box.home)
    assert path.startswith("/first/of/all:")


async def home_is_made_anew_with_files(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkdir -p ~/old && echo old > ~/old/file && chmod 0000 ~/old")
    files = {".config/tool/settings.json": b'{"a": 1}', "plain": bytes(range(256))}
    ran = await h.sh(
        box, "cd && find . -type f | sort && stat -c %a plain .config && cat plain >&2", files=files
    )
    assert ran.fine().text.splitlines() == ["./.config/tool/settings.json", "./plain", "600", "700"]
    assert ran.err == files["plain"]
    assert await box.read_file(f"{box.home}/.config/tool/settings.json", 100) == b'{"a": 1}'


async def home_stays_when_no_files_are_given(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "true", files={"kept": b"yes"})
    assert (await h.sh(box, "cat ~/kept")).fine().text == "yes"
    assert (await h.sh(box, "ls -A ~", files={})).fine().text == ""


async def file_outside_home_is_refused(h: Harness) -> None:
    box = await h.box()
    for name in ("../escaped", "/escaped", "a/../../escaped"):
        try:
            await h.sh(box, "true", files={name: b"x"})
        except SandboxBroken:
            continue
        raise AssertionError(f"{name} was written")


async def works_in_the_workspace(h: Harness) -> None:
    box = await h.box()
    assert (await h.run(box, "pwd")).fine().text == box.workspace
    await h.sh(box, "mkdir -p 'sub dir'")
    assert (await h.run(box, "pwd", cwd="sub dir")).fine().text == f"{box.workspace}/sub dir"
    assert (await h.run(box, "pwd", cwd=box.home)).fine().text == box.home


async def directory_that_does_not_exist_breaks(h: Harness) -> None:
    box = await h.box()
    try:
        ran = await h.run(box, "pwd", cwd="nowhere")
    except SandboxBroken as broken:
        assert "nowhere" in str(broken)
    else:
        raise AssertionError(f"it ran: {ran}")


async def workspace_stays_between_commands(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkdir -p a/b && echo kept > a/b/c && ln -s a/b/c link")
    assert (await h.sh(box, "cat link")).fine().text == "kept"


async def two_commands_at_once(h: Harness) -> None:
    box = await h.box()
    one = "echo > one; until [ -e two ]; do sleep 0.01; done; echo met one"
    two = "echo > two; until [ -e one ]; do sleep 0.01; done; echo met two"
    first, second = await asyncio.gather(h.sh(box, one), h.sh(box, two))
    assert (first.fine().text, second.fine().text) == ("met one", "met two")


CASES: list[Case] = [
    exit_status_passes,
    signal_is_reported,
    program_that_does_not_exist_gives_127,
    program_that_is_not_executable_gives_126,
    script_without_first_line_runs_in_a_shell,
    arguments_arrive_as_they_are,
    many_arguments_arrive,
    too_long_an_argument_gives_126,
    stdin_is_binary,
    stdin_ends,
    stdin_from_a_large_file,
    stdin_that_nobody_reads_holds_nothing_up,
    stdout_and_stderr_apart,
    stdout_and_stderr_together,
    output_is_binary,
    log_is_written_anew,
    environment_is_minimal,
    environment_is_set,
    home_is_made_anew_with_files,
    home_stays_when_no_files_are_given,
    file_outside_home_is_refused,
    works_in_the_workspace,
    directory_that_does_not_exist_breaks,
    workspace_stays_between_commands,
    two_commands_at_once,
]
