"""Dependencies between specs: those that do not exist, and those that go in circles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fabrik.problems import Problem, did_you_mean
from fabrik.specs.draft import Draft


def missing(drafts: Iterable[Draft], known: Sequence[str]) -> list[Problem]:
    """Dependencies on specs that are not there. `known`: the ids of all specs around."""
    ids = set(known)
    found = []
    for draft in drafts:
        others = sorted(ids - {draft.id})
        for wanted in dict.fromkeys(draft.depends_on):
            if wanted not in ids:
                hint = did_you_mean(wanted, others, noun="there are") if 0 < len(others) <= 20 else ""
                found.append(
                    Problem(
                        file=str(draft.path),
                        where=draft.depends_where,
                        what=f"depends on {wanted!r}, and there is no such spec",
                        todo=hint or "write that spec, or remove the dependency",
                    )
                )
    return found


def circles(drafts: Iterable[Draft], others: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Every circle that goes through one of the drafts, once. `others`: what specs around depend on."""
    edges: dict[str, Sequence[str]] = {**others}
    owners: dict[str, Draft] = {}
    for draft in drafts:
        if draft.id is not None:
            owners[draft.id] = draft
            edges[draft.id] = draft.depends_on
    found: list[Problem] = []
    told: set[str] = set()
    for start, draft in owners.items():
        if start in told or (circle := _circle(start, edges)) is None:
            continue
        told.update(circle)
        found.append(
            Problem(
                file=str(draft.path),
                where=draft.depends_where,
                what=f"the dependencies go in a circle: {' → '.join(circle)}",
                todo="remove one of them",
            )
        )
    return found


def _circle(start: str, edges: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The shortest way from a spec back to itself, both ends included, or None."""
    came_from: dict[str, str] = {}
    queue = [start]
    for node in queue:  # grows while it is walked: breadth first
        for following in edges.get(node, ()):
            if following == start:
                way = [start, node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if following not in came_from:
                came_from[following] = node
                queue.append(following)
    return None
