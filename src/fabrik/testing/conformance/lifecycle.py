"""Making, adopting, finding and removing sandboxes."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import SandboxRef
from fabrik.testing.conformance.harness import Case, Harness, alive, ref, token

_DEEP = """
import os
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
open("bottom", "w").close()
"""


async def creating_again_adopts(h: Harness) -> None:
    spec = h.spec()
    box = await h.box(spec)
    await h.sh(box, "echo kept > file; echo kept > ~/file")
    again = await h.provider.create(spec)
    assert (again.name, again.workspace, again.home) == (box.name, box.workspace, box.home)
    assert (await h.sh(again, "cat file ~/file")).fine().text == "kept\nkept"


async def adopting_ends_what_ran(h: Harness) -> None:
    spec, mark = h.spec(), token()
    box = await h.box(spec)
    task = asyncio.create_task(h.sh(box, f"(setsid sleep {mark} &); echo > ready; sleep {mark}"))
    await h.until_file(box, "ready")
    await h.provider.create(spec)
    assert alive(mark) == []
    assert not (await task).end.ok


async def ending_keeps_the_files(h: Harness) -> None:
    spec, mark = h.spec(), token()
    box = await h.box(spec)
    script = f"(setsid sleep {mark} &); echo kept > kept; : > ready; sleep {mark}"
    task = asyncio.create_task(h.sh(box, script))
    await h.until_file(box, "ready")
    await h.provider.end(ref(spec))
    assert alive(mark) == []
    assert not (await task).end.ok
    assert (await h.sh(box, "cat kept")).fine().text == "kept"
    await h.provider.end(SandboxRef(name="never/was", root=h.directory / "never", labels={}))


async def destroying_ends_what_runs(h: Harness) -> None:
    spec, mark = h.spec(), token()
    box = await h.box(spec)
    task = asyncio.create_task(h.sh(box, f"(setsid sleep {mark} &); echo > ready; sleep {mark}"))
    await h.until_file(box, "ready")
    await h.provider.destroy(ref(spec))
    assert alive(mark) == []
    await asyncio.wait({task})
    assert not spec.root.exists()


async def others_are_left_alone(h: Harness) -> None:
    one, two, mark = h.spec(), h.spec(), token()
    await h.box(one)
    box = await h.box(two)
    task = asyncio.create_task(h.run(box, "sleep", mark))

    async def up() -> bool:
        return bool(alive(mark))

    await h.until("the other's command", up)
    await h.provider.create(one)
    await h.provider.destroy(ref(one))
    assert alive(mark)
    await box.close()
    await task


async def list_finds_by_labels(h: Harness) -> None:
    top = h.directory / "runs"
    specs = [
        h.spec(
            f"box{number}",
            root=top / f"run{number % 2}" / "sandboxes" / f"box{number}",
            labels={"run": str(number % 2), "purpose": f"p{number}"},
        )
        for number in range(4)
    ]
    for spec in specs:
        await h.box(spec)
    found = await h.provider.list(top, {"run": "1"})
    assert sorted((one.name, one.root) for one in found) == sorted((s.name, s.root) for s in specs[1::2])
    assert [one.labels for one in await h.provider.list(top, {"purpose": "p2", "run": "0"})] == [
        specs[2].labels
    ]
    assert await h.provider.list(top, {"run": "1", "purpose": "p2"}) == []
    assert len(await h.provider.list(top, {})) == 4
    assert await h.provider.list(h.directory / "nowhere", {}) == []


async def list_is_not_misled_from_inside(h: Harness) -> None:
    spec = h.spec(labels={"run": "real"})
    box = await h.box(spec)
    fake = f'{{"v":1,"provider":"{h.provider.name}","name":"fake","labels":{{"run":"real"}}}}'
    await h.sh(box, f"mkdir -p a && echo '{fake}' | tee labels.json > a/labels.json")
    assert [one.name for one in await h.provider.list(spec.root.parent, {"run": "real"})] == [spec.name]


async def destroying_twice_is_fine(h: Harness) -> None:
    spec = h.spec()
    await h.box(spec)
    for _ in range(3):
        await h.provider.destroy(ref(spec))
        assert not spec.root.exists()
    await h.provider.destroy(SandboxRef(name="never/was", root=h.directory / "never", labels={}))


async def destroying_removes_what_an_agent_locked(h: Harness) -> None:
    spec = h.spec()
    box = await h.box(spec)
    await h.sh(box, "mkdir -p a/b/c && : > a/b/c/f && chmod 0000 a/b/c a/b a && mkdir ~/x && chmod 0 ~/x")
    await h.provider.destroy(ref(spec))
    assert not spec.root.exists()


async def destroying_removes_what_is_very_deep(h: Harness) -> None:
    spec = h.spec()
    box = await h.box(spec)
    (await h.python(box, _DEEP)).fine()
    await h.provider.destroy(ref(spec))
    assert not spec.root.exists()


async def destroying_follows_no_link(h: Harness) -> None:
    spec = h.spec()
    outside = h.directory / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    box = await h.box(spec)
    await h.sh(box, f"ln -s {outside} link; ln -s {outside}/file file; mkdir d && ln -s {outside} d/link")
    await h.provider.destroy(ref(spec))
    assert (outside / "file").read_text() == "kept"


async def foreign_directory_is_left_alone(h: Harness) -> None:
    root = h.directory / "precious"
    root.mkdir()
    (root / "thesis.txt").write_text("years of work")
    for attempt in (
        h.provider.create(h.spec(root=root)),
        h.provider.destroy(SandboxRef(name="x/y", root=root, labels={})),
    ):
        try:
            await attempt
        except SandboxBroken as broken:
            assert str(root) in str(broken)
        else:
            raise AssertionError("it was taken for a sandbox")
    assert (root / "thesis.txt").read_text() == "years of work"


async def name_belongs_to_its_root(h: Harness) -> None:
    spec = h.spec()
    await h.box(spec)
    try:
        await h.provider.create(h.spec(root=spec.root))
    except SandboxBroken as broken:
        assert spec.name in str(broken)
    else:
        raise AssertionError("another sandbox was adopted")


async def names_may_hold_slashes(h: Harness) -> None:
    names = ["01J/task/3/implement#2", "01J/task", "01J task ü", "../../01J"]
    for name in names:
        box = await h.box(name=f"{token()}/{name}")
        assert (await h.run(box, "echo", "fine")).fine().text == "fine"


async def preflight_is_honest(h: Harness) -> None:
    report = await h.provider.preflight()
    assert report.ready and report.why
    assert report.probes and all(probe.what and probe.how for probe in report.probes)
    holds = {probe.what: probe.holds for probe in report.probes}
    assert holds["network closed"] is h.provider.isolates


CASES: list[Case] = [
    creating_again_adopts,
    adopting_ends_what_ran,
    ending_keeps_the_files,
    destroying_ends_what_runs,
    others_are_left_alone,
    list_finds_by_labels,
    list_is_not_misled_from_inside,
    destroying_twice_is_fine,
    destroying_removes_what_an_agent_locked,
    destroying_removes_what_is_very_deep,
    destroying_follows_no_link,
    foreign_directory_is_left_alone,
    name_belongs_to_its_root,
    names_may_hold_slashes,
    preflight_is_honest,
]
