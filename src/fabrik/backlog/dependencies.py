"""Which spec comes next: by dependency first, then by number. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from pathlib import PurePosixPath

from fabrik.backlog.folder import SpecName
from fabrik.problems import Problem, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Order:
    """The specs in the order in which they are worked on."""

    specs: tuple[SpecName, ...]
    needs: Mapping[SpecName, tuple[SpecName, ...]]  # specs that must be done first, and are not done
    lacking: Mapping[SpecName, tuple[str, ...]]  # dependencies on specs that are not there (yet)
    problems: tuple[Problem, ...]  # missing, ambiguous and circular ones
    faults: Mapping[SpecName, tuple[Problem, ...]]  # the same by the specs that cannot be worked on for them

    def waits_for(self, spec: SpecName) -> tuple[str, ...]:
        """The paths of what a spec waits for."""
        return (*(need.path for need in self.needs[spec]), *self.lacking[spec])


def order(
    wanted: Mapping[SpecName, Sequence[str]], done: Collection[SpecName], *, may_come: bool = False
) -> Order:
    """Order specs.

    wanted: all specs, with their dependencies as written. done: those that are; also ones whose file is gone.
    may_come: a spec that writes further ones is still to be worked on, so a missing one is only waited for.
    """
    known = tuple(dict.fromkeys((*wanted, *sorted(done))))
    index = _Known(known)
    all_needs: dict[SpecName, tuple[SpecName, ...]] = {}
    lacking: dict[SpecName, tuple[str, ...]] = {}
    problems: list[Problem] = []
    faults: dict[SpecName, list[Problem]] = {}
    for spec, texts in sorted(wanted.items()):
        needs, missing = [], []
        for text in texts:
            found = index.meant(text, spec)
            if len(found) == 1:
                needs.append(found[0])
            elif found:
                faults.setdefault(spec, []).append(_ambiguous(spec, text, found))
            else:
                missing.append(text)
                if not may_come:
                    faults.setdefault(spec, []).append(_missing(spec, text, known))
        all_needs[spec] = tuple(dict.fromkeys(needs))
        lacking[spec] = tuple(missing)
    open_needs = {
        spec: tuple(need for need in needs if need not in done) for spec, needs in all_needs.items()
    }
    ordered, circular = _sorted(open_needs)
    problems += (problem for own in faults.values() for problem in own)
    for circle, problem in _circles(circular, open_needs):
        problems.append(problem)
        for spec in circle:
            faults.setdefault(spec, []).append(replace(problem, file=spec.path))
    return Order(
        specs=(*ordered, *sorted(circular)),
        needs=open_needs,
        lacking=lacking,
        problems=tuple(problems),
        faults={spec: tuple(own) for spec, own in faults.items()},
    )


class _Known:
    """All specs, by all that a written dependency may name them by."""

    def __init__(self, specs: Sequence[SpecName]) -> None:
        self._by_id = {spec.id: spec for spec in specs}
        self._by_name: dict[str, list[SpecName]] = {}
        self._by_number: dict[int, list[SpecName]] = {}
        for spec in specs:
            self._by_name.setdefault(spec.name.removesuffix(".md"), []).append(spec)
            self._by_number.setdefault(spec.number, []).append(spec)

    def meant(self, text: str, by: SpecName) -> list[SpecName]:
        """The specs that a text may mean: by path, from beside the spec, by name, by number."""
        inside = text.removeprefix("./").rpartition("specs/")[2]
        plain = inside.removesuffix(".md").lstrip("./")
        exact = self._by_id.get(plain)
        if exact and "/" in plain:
            return [exact]
        beside = ""
        if not text.startswith("../"):
            beside = str(PurePosixPath(by.path).parent / inside).removesuffix(".md").removeprefix("./")
        if near := self._by_id.get(beside) or exact:
            return [near]
        name = PurePosixPath(plain).name
        if named := self._by_name.get(name):
            return named
        number = int(name) if name.isascii() and name.isdecimal() else -1
        return [spec for spec in self._by_number.get(number, ()) if spec != by]


def _missing(spec: SpecName, text: str, known: Sequence[SpecName]) -> Problem:
    others = [one.path for one in known if one != spec]
    hint = did_you_mean(text, others, noun="there are") if 0 < len(others) <= 20 else ""
    return Problem(
        file=spec.path,
        where="Dependencies",
        what=f"depends on {text}, and there is no such spec",
        todo=hint or "write that spec, or remove the dependency",
    )


def _ambiguous(spec: SpecName, text: str, found: Sequence[SpecName]) -> Problem:
    return Problem(
        file=spec.path,
        where="Dependencies",
        what=f"{text} may mean {', '.join(one.path for one in found)}",
        todo="write the path below specs/",
    )


def _sorted(needs: Mapping[SpecName, Sequence[SpecName]]) -> tuple[list[SpecName], set[SpecName]]:
    """The specs in order, and those that are in a circle or behind one."""
    behind: dict[SpecName, list[SpecName]] = {}
    waits = dict.fromkeys(needs, 0)
    for spec, wanted in needs.items():
        for need in {need for need in wanted if need in needs}:
            waits[spec] += 1
            behind.setdefault(need, []).append(spec)
    ready = [spec for spec, number in waits.items() if not number]
    heapify(ready)
    ordered: list[SpecName] = []
    while ready:
        ordered.append(spec := heappop(ready))
        for other in behind.get(spec, ()):
            waits[other] -= 1
            if not waits[other]:
                heappush(ready, other)
    return ordered, set(needs).difference(ordered)


def _circles(
    left: Collection[SpecName], needs: Mapping[SpecName, Sequence[SpecName]]
) -> list[tuple[list[SpecName], Problem]]:
    """Each circle once: the specs in it, and the problem, told at its first spec."""
    found: list[tuple[list[SpecName], Problem]] = []
    walked: set[SpecName] = set()
    for start in sorted(left):
        way: list[SpecName] = []
        here = start
        while here not in walked:
            walked.add(here)
            way.append(here)
            here = next(need for need in sorted(needs[here]) if need in left)
        if here in way:
            circle = [*way[way.index(here) :], here]
            first = min(circle)
            turned = circle[:-1][circle.index(first) :] + circle[:-1][: circle.index(first)] + [first]
            problem = Problem(
                file=first.path,
                where="Dependencies",
                what=f"the dependencies go in a circle: {' → '.join(one.path for one in turned)}",
                todo="remove one of them",
            )
            found.append((turned[:-1], problem))
    return found
