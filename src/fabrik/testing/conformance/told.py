"""Variables that a prepared command gets with its word to start."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Limits
from fabrik.testing.conformance.doors import open_doors, saying
from fabrik.testing.conformance.harness import Case, Harness, alive, token

_ODD = {
    "EMPTY": "",
    "LINES": "one\ntwo\r\n\n",
    "BLANKS": "  a\t b ",
    "QUOTES": "'\"`$HOME \\n\\",
    "EQUALS": "a=b=c",
    "WORD": "grün ß 漢字 \U0001f980",
    "BYTES": b"\xff\xfe\x01".decode("utf-8", "surrogateescape"),
    "LARGE": "x" * 100_000,
    "with-dash.and.dot": "1",
    "grün": "2",
}


@asynccontextmanager
async def _with_and_without_doors() -> AsyncIterator[tuple[Doors | None, ...]]:
    async with open_doors(saying(b"models"), saying(b"proxy")) as doors:
        yield None, doors


def _command(
    h: Harness, program: str | Sequence[str], doors: Doors | None, env: Mapping[str, str]
) -> Command:
    return Command(
        argv=["/bin/sh", "-c", program] if isinstance(program, str) else program,
        stdout=h.directory / "told.out",
        stderr=h.directory / "told.err",
        files={},
        env=env,
        doors=doors,
    )


async def _told(
    h: Harness,
    program: str | Sequence[str],
    doors: Doors | None,
    before: Mapping[str, str],
    at_the_word: Mapping[str, str] | None,
) -> tuple[Exit, bytes]:
    box = await h.box()
    prepared = await box.prepare(_command(h, program, doors, before))
    end = await prepared.run({"file": b"1"}, at_the_word)
    return end, (h.directory / "told.out").read_bytes()


async def told_variables_are_seen(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            script = 'cat ~/file; echo " $KEPT $CHANGED $NEW"'
            before = {"KEPT": "kept", "CHANGED": "old"}
            end, out = await _told(h, script, doors, before, {"CHANGED": "changed", "NEW": "new"})
            assert (end.status, out) == (0, b"1 kept changed new\n"), doors


async def told_nothing_changes_nothing(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            box, seen = await h.box(), []
            for env in (None, {}, {"MORE": "2"}):
                command = _command(h, ["env", "-0"], doors, {"KEPT": "1"})
                assert (await (await box.prepare(command)).run(env=env)).ok
                seen.append(set((h.directory / "told.out").read_bytes().split(b"\0")))
            assert seen[0] == seen[1], doors
            assert b"KEPT=1" in seen[0], doors
            assert seen[0] | {b"MORE=2"} == seen[2], doors


async def told_variables_arrive_as_they_are(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            end, out = await _told(h, ["env", "-0"], doors, {"EMPTY": "not", "LARGE": ""}, _ODD)
            seen = dict(entry.partition(b"=")[::2] for entry in out.split(b"\0")[:-1])
            assert end.ok, doors
            for name, value in _ODD.items():
                assert seen[os.fsencode(name)] == os.fsencode(value), (name, doors)


async def told_variables_may_be_many(h: Harness) -> None:
    many = {f"VARIABLE_{number}": "y" * 1000 for number in range(500)}
    async with _with_and_without_doors() as both:
        for doors in both:
            end, out = await _told(h, "env | grep -c ^VARIABLE_", doors, {}, many)
            assert (end.status, out) == (0, b"500\n"), doors


async def told_a_path_finds_the_program(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            box = await h.box()
            await h.sh(box, "mkdir bin && printf '#!/bin/sh\\necho found\\n' > bin/mine && chmod +x bin/mine")
            command = Command(
                argv=["mine"],
                stdout=h.directory / "told.out",
                stderr=h.directory / "told.err",
                doors=doors,
            )
            prepared = await box.prepare(command)
            end = await prepared.run(env={"PATH": f"{box.workspace}/bin:/usr/bin:/bin"})
            assert (end.status, (h.directory / "told.out").read_text()) == (0, "found\n"), doors


async def told_too_much_gives_126(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            end, _ = await _told(h, "echo ran > ran", doors, {}, {"HUGE": "x" * (256 << 10)})
            assert end.status == 126, (doors, end)


async def told_what_no_environment_holds_breaks(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            for bad in ({"": "1"}, {"A=B": "1"}, {"A\0": "1"}, {"A": "b\0c"}, {"A": "\ud800"}):
                box = await h.box()
                prepared = await box.prepare(_command(h, "echo ran > ran", doors, {}))
                try:
                    await prepared.run(env=bad)
                except SandboxBroken as broken:
                    assert "variable" in str(broken)
                else:
                    raise AssertionError(f"it was taken: {bad!r}")
                assert await box.read_file("ran", 10) is None
                assert (await h.run(box, "echo", "fine")).fine().text == "fine"


async def told_variables_are_on_no_command_line(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            box, secret = await h.box(), token()
            prepared = await box.prepare(_command(h, "echo > ready; cat go >&2", doors, {}))
            await h.sh(box, "mkfifo go")
            running = asyncio.create_task(prepared.run(env={"SECRET": secret}))
            await h.until_file(box, "ready")
            assert alive(secret) == []
            await h.sh(box, "echo told > go")
            assert (await running).ok


async def told_time_counts_from_the_word(h: Harness) -> None:
    async with _with_and_without_doors() as both:
        for doors in both:
            box = await h.box()
            command = Command(
                argv=["sleep", "600"],
                stdout=h.directory / "told.out",
                stderr=h.directory / "told.err",
                limits=Limits(seconds=0.3),
                doors=doors,
            )
            end = await (await box.prepare(command)).run(env={"A": "1"})
            assert end.stopped_by == "time", doors


CASES: list[Case] = [
    told_variables_are_seen,
    told_nothing_changes_nothing,
    told_variables_arrive_as_they_are,
    told_variables_may_be_many,
    told_a_path_finds_the_program,
    told_too_much_gives_126,
    told_what_no_environment_holds_breaks,
    told_variables_are_on_no_command_line,
    told_time_counts_from_the_word,
]
