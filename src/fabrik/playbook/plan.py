"""Reads a free-form IMPLEMENTATION_PLAN.md: what is to do, what is done, which tests an item requires. Pure.

Agents write their plans as they like. Understood are list items (bullets or numbers, with or without boxes),
headings that are tasks ("### Task 3: …" or with a box), and tables with a column for the status. What stands
below headings such as "Completed" is done, below "Future work" or "Out of scope" it is not part of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from fabrik.playbook import headings, identity, marks, required_tests, tables
from fabrik.playbook.blocks import Node, Section, sections, walk
from fabrik.playbook.required_tests import RequiredTests

State = Literal["open", "done", "aside"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to do."""

    key: str  # who it is: survives moving, renumbering, ticking off and changes of markup
    text: str  # its own words, one line, without markup, box and required tests
    line: int  # in the file, from 1
    priority: int  # 1 is the first of the plan, done or not
    done: bool
    heading: str = ""  # the heading it stands under
    required_tests: RequiredTests = field(default_factory=RequiredTests)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan as it was read."""

    items: tuple[Item, ...]  # in the order of the file
    aside: tuple[str, ...] = ()  # what the plan itself puts off: future work, out of scope
    wordy: bool = False  # it says something, and no item was found in it

    @property
    def open(self) -> tuple[Item, ...]:
        """What is to do, most important first."""
        return tuple(item for item in self.items if not item.done)

    @property
    def done(self) -> tuple[Item, ...]:
        """What the plan calls done. A claim of whoever wrote it, not a proof."""
        return tuple(item for item in self.items if item.done)

    @property
    def empty(self) -> bool:
        """Nothing is open: all is done, or the file says nothing."""
        return not self.open

    def get(self, key: str) -> Item | None:
        """The item with this key."""
        return next((item for item in self.items if item.key == key), None)


@dataclass(frozen=True, kw_only=True)
class _Found:
    text: str
    line: int
    state: State
    heading: str
    tests: RequiredTests


def read(text: str) -> Plan:
    """The items of a plan. Never fails: a text without items is a plan without items."""
    found = [part for section in sections(text) for part in headings.parts(section)]
    boxes = any(node.box is not None for section in found for node in walk(section.nodes))
    entries: list[_Found] = []
    tasks: list[int] = []  # levels of the headings above that are tasks: what stands below belongs to them
    for at, section in enumerate(found):
        while tasks and section.level <= tasks[-1]:
            tasks.pop()
        if tasks:
            continue
        below = [section, *_below(found, at)]
        if headings.is_task(below):
            entries.append(_heading(below))
            tasks.append(section.level)
        else:
            entries += _items(section, boxes=boxes)
    items = tuple(_keyed([entry for entry in entries if entry.state != "aside"]))
    aside = tuple(entry.text for entry in entries if entry.state == "aside")
    wordy = not entries and any(node.text or node.lines for section in found for node in section.nodes)
    return Plan(items=items, aside=aside, wordy=wordy)


def _below(found: list[Section], at: int) -> Iterator[Section]:
    """The sections that belong to one."""
    for place in range(at + 1, len(found)):
        section = found[place]
        if section.level <= found[at].level:
            return
        yield section


def _items(section: Section, *, boxes: bool) -> Iterator[_Found]:
    """The items of a section that is no task itself."""
    state = headings.state(section)
    ticks = any(node.box is not None for node in walk(section.nodes))
    columns: tables.Columns | None = None
    for node, tests in _grouped(section.nodes):
        if node.kind == "row" and node.header:
            columns = tables.columns(node.cells)
        elif node.kind == "row" and columns and (row := tables.row(node.cells, columns)):
            told, done = row
            where: State = "aside" if state == "aside" else "done" if done or state == "done" else "open"
            yield _found(told, node, where, section, ())
        elif node.kind == "item" and _is_item(node, section, ticks=ticks, plain=not boxes or ticks):
            own = marks.item_state(node)
            if state == "aside":
                own = "aside"
            elif state == "done" and node.box is None:
                own = "done"
            told, entries = required_tests.split_off(node.text)
            entries += _required(node.children, awaited=entries == [""])
            yield _found(told, node, own, section, [*entries, *tests])


def _grouped(nodes: list[Node]) -> list[tuple[Node, list[str]]]:
    """The nodes of a section without those that are required tests, each with those that stand after it."""
    groups: list[tuple[Node, list[str]]] = []
    owner: list[str] = []  # the required tests of the last item
    at = 0
    while at < len(nodes):
        node = nodes[at]
        at += 1
        told = required_tests.labelled(node.text, plain=node.kind == "text") if node.box is None else None
        if node.kind in ("item", "text") and told is not None:
            owner += told
            owner += required_tests.listed(node.children)
            awaited = not told and not node.children
        else:
            entries: list[str] = []
            groups.append((node, entries))
            if node.kind == "item":
                owner = entries
            awaited = node.kind == "item" and not node.children and required_tests.awaits(node.text)
        if awaited:
            end = _run(nodes, at)
            owner += required_tests.listed(nodes[at:end])
            at = end
    return groups


def _run(nodes: list[Node], start: int) -> int:
    """The end of the list that begins there: where bullets become numbers, or boxes begin, is another one."""
    at = start
    while at < len(nodes) and nodes[at].kind in ("item", "code"):
        if nodes[at].kind == "item":
            first = nodes[start]
            boxed = nodes[at].box is not None and first.box is None
            if boxed or nodes[at].numbered != first.numbered:
                break
        at += 1
    return at


def _is_item(node: Node, section: Section, *, ticks: bool, plain: bool) -> bool:
    """Whether a list item is something to do and not a remark or a field.

    ticks: there are boxes in its section. plain: items without a box count here. In a plan that ticks boxes,
    a list without any is prose, unless its heading or its marks say that it is work.
    """
    if not marks.plain(node.text):
        return False
    if node.box is not None:
        return True
    if marks.is_fact(node.text) or (ticks and marks.is_field(node.text)) or headings.is_note(section):
        return False
    return plain or marks.is_done(node.text) or headings.is_work(section) or headings.state(section) == "done"


def _heading(below: list[Section]) -> _Found:
    """A heading that is a task, with everything below it."""
    section = below[0]
    state = headings.task_state(below)
    told, entries = required_tests.split_off(section.title)
    for each in below:
        if required_tests.labelled(f"{each.title}:") is not None:
            entries += required_tests.listed(each.nodes)
        entries += _required(each.nodes, awaited=False)
    return _Found(
        text=marks.plain(told),
        line=section.number,
        state=state,
        heading=section.parents[-1] if section.parents else "",
        tests=required_tests.gather(entries),
    )


def _required(nodes: list[Node], *, awaited: bool) -> list[str]:
    """The required tests that stand among what belongs to an item.

    awaited: the item's own line ended with the label, so that the first list below is what it announced.
    """
    entries: list[str] = []
    for node in nodes:
        told = required_tests.labelled(node.text) if node.kind in ("item", "text") else None
        if told is not None:
            entries += told
            entries += required_tests.listed(node.children)
            awaited = node.kind == "text" and not told
        elif awaited and node.kind in ("item", "code"):
            entries += required_tests.listed([node])
        elif node.kind == "text":
            # A paragraph that is not a list ends what was announced.
            told = required_tests.split_off(node.text)[1]
            entries, awaited = entries + told, told == [""]
        elif node.kind == "item":
            entries += required_tests.split_off(node.text)[1]
            entries += _required(node.children, awaited=False)
    return entries


def _found(
    text: str, node: Node, state: State, section: Section, entries: list[str] | tuple[str, ...]
) -> _Found:
    return _Found(
        text=marks.plain(text),
        line=node.number,
        state=state,
        heading=section.title,
        tests=required_tests.gather(entries),
    )


def _keyed(entries: list[_Found]) -> Iterator[Item]:
    """Items with keys of which no two are alike; of equal texts the later ones are numbered."""
    seen: dict[str, int] = {}
    for priority, entry in enumerate(entries, start=1):
        name = identity.key(entry.text)
        seen[name] = seen.get(name, 0) + 1
        yield Item(
            key=name if seen[name] == 1 else f"{name}#{seen[name]}",
            text=entry.text,
            line=entry.line,
            priority=priority,
            done=entry.state == "done",
            heading=entry.heading,
            required_tests=entry.tests,
        )


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What became of a plan's items. Where an item is in both plans, it is given as it was before."""

    finished: tuple[Item, ...] = ()  # were open, are done
    removed: tuple[Item, ...] = ()  # were open, are gone: how the playbook's agents say that one is resolved
    added: tuple[Item, ...] = ()  # are new and open
    reopened: tuple[Item, ...] = ()  # were done, are open
    recorded: tuple[Item, ...] = ()  # are new, and done already
    cleared: tuple[Item, ...] = ()  # were done, are gone
    weakened: tuple[Item, ...] = ()  # are there, with fewer required tests; only those that are missing

    def __bool__(self) -> bool:
        return any(
            (
                self.finished,
                self.removed,
                self.added,
                self.reopened,
                self.recorded,
                self.cleared,
                self.weakened,
            )
        )


def compare(before: Plan, after: Plan) -> Changes:
    """What became of the items of a plan. A reworded item is recognised when most of its words stayed."""
    pairs = identity.pair([item.key for item in before.items], [item.key for item in after.items])
    new = {item.key: item for item in after.items}
    met = [(item, new[pairs[item.key]]) for item in before.items if item.key in pairs]
    fresh = [item for item in after.items if item.key not in set(pairs.values())]
    gone = [item for item in before.items if item.key not in pairs]
    return Changes(
        finished=tuple(old for old, now in met if now.done and not old.done),
        reopened=tuple(old for old, now in met if old.done and not now.done),
        weakened=tuple(
            replace(old, required_tests=lost)
            for old, now in met
            if (lost := old.required_tests.lacks(now.required_tests))
        ),
        added=tuple(item for item in fresh if not item.done),
        recorded=tuple(item for item in fresh if item.done),
        removed=tuple(item for item in gone if not item.done),
        cleared=tuple(item for item in gone if item.done),
    )
