"""Commands that are prepared first and started, or given up, later."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio

from fabrik.sandboxes.sandbox import Command, Limits
from fabrik.testing.conformance.doors import open_doors, saying
from fabrik.testing.conformance.harness import Case, Harness, alive, token


def shell(h: Harness, script: str, limits: Limits = Limits()) -> Command:  # noqa: B008 - frozen
    return Command(
        argv=["/bin/sh", "-c", script],
        stdout=h.directory / "prepared.out",
        stderr=h.directory / "prepared.err",
        files={"before": b"1"},
        limits=limits,
    )


async def prepared_begins_at_the_word(h: Harness) -> None:
    box = await h.box()
    prepared = await box.prepare(shell(h, "echo ran >> log; exit 3"))
    assert await box.read_file(f"{box.workspace}/log", 10) is None
    end = await prepared.run()
    assert (end.status, await box.read_file(f"{box.workspace}/log", 10)) == (3, b"ran\n")


async def prepared_sees_files_of_both_times(h: Harness) -> None:
    box = await h.box()
    prepared = await box.prepare(shell(h, "cat ~/before ~/after"))
    assert (await prepared.run({"after": b"2"})).ok
    assert (h.directory / "prepared.out").read_text() == "12"


async def prepared_and_given_up_never_ran(h: Harness) -> None:
    box, mark = await h.box(), token()
    prepared = await box.prepare(shell(h, f"echo ran > log; sleep {mark}"))
    await prepared.discard()
    assert await box.read_file(f"{box.workspace}/log", 10) is None
    assert alive(mark) == []
    assert (await h.run(box, "echo", "fine")).fine().text == "fine"


async def prepared_while_another_runs(h: Harness) -> None:
    box, mark = await h.box(), token()
    task = asyncio.create_task(h.sh(box, f"echo > ready; sleep {mark}", limits=Limits(seconds=60)))
    await h.until_file(box, "ready")
    prepared = await box.prepare(shell(h, "cat ready && echo ran"))
    assert (await prepared.run()).ok
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})
    assert alive(mark) == []


async def prepared_has_its_whole_time(h: Harness) -> None:
    box = await h.box()
    limit = Limits(seconds=0.5)
    prepared = await box.prepare(shell(h, "echo fine", limit))
    await h.sh(box, "sleep 0.6")
    end = await prepared.run()
    assert (end.status, end.stopped_by) == (0, None)
    assert end.seconds < 0.6


async def prepared_with_doors_reaches_them(h: Harness) -> None:
    box = await h.box()
    async with open_doors(saying(b"hello"), saying(b"proxy")) as doors:
        program = (
            "import socket; s = socket.create_connection(('127.0.0.1', int(__import__('sys').argv[1])));"
            "print(s.recv(5).decode())"
        )
        port = box.endpoints.models.rpartition(":")[2]
        command = Command(
            argv=["python3", "-c", program, port],
            stdout=h.directory / "prepared.out",
            stderr=h.directory / "prepared.err",
            doors=doors,
        )
        end = await (await box.prepare(command)).run()
    assert end.ok, (h.directory / "prepared.err").read_text()
    assert (h.directory / "prepared.out").read_text() == "hello\n"


async def closing_gives_up_what_is_prepared(h: Harness) -> None:
    box = await h.box()
    prepared = await box.prepare(shell(h, "echo ran > log"))
    await box.close()
    await prepared.discard()
    assert await box.read_file(f"{box.workspace}/log", 10) is None


CASES: list[Case] = [
    prepared_begins_at_the_word,
    prepared_sees_files_of_both_times,
    prepared_and_given_up_never_ran,
    prepared_while_another_runs,
    prepared_has_its_whole_time,
    prepared_with_doors_reaches_them,
    closing_gives_up_what_is_prepared,
]
