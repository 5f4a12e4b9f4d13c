"""The approval gate on one screen: what was asked, what there is, what speaks against it, what to type."""

from __future__ import annotations

from pathlib import Path

from fabrik.cli import units
from fabrik.cli.render.fit import Painted, Section, columns, cut, fit, pad, wrap
from fabrik.cli.render.runs import short
from fabrik.cli.render.words import plural, quoted
from fabrik.cli.screen import Tone
from fabrik.ledger.types import Run
from fabrik.paths import RunPaths
from fabrik.workflows.decision import Decision, Evidenced, Judged, Way
from fabrik.workflows.results import Candidate, FileChanged

WIDTH, HEIGHT = 80, 40

CRITERION_MARKS: dict[bool | None, tuple[str, Tone]] = {
    True: ("✓", "good"),
    False: ("✗", "bad"),
    None: ("–", "dim"),
}


def gate_screen(
    run: Run,
    found: Decision,
    *,
    now: float,
    evidence: Path | None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> list[Painted]:
    """The lines with their tones, at most `height` of them; what finds no room is counted."""
    width = max(40, min(width, 110))
    sections = [
        _head(run, found, now, width),
        _asked(found, width),
        _changed(found, width),
        _criteria(found, width),
        _checks(found, width),
        _findings(found, width),
        _judged(found, width),
        _marks(found, width),
        _closer(run, evidence),
        _decide(run),
    ]
    return fit([section for section in sections if section is not None], width=width, height=height)


def _head(run: Run, found: Decision, now: float, width: int) -> Section:
    waited = units.age(now - found.gate.opened_at)
    facts = [
        f"run {short(run.id)}",
        f"gate {found.gate.number}, open for {waited}",
        f"took {units.seconds(found.gate.opened_at - run.started_at)}",
        units.cost(run.usage),
    ]
    lines: list[Painted] = [("  " + line, "plain") for line in wrap(" · ".join(facts), width - 2, 2)]
    if found.unchecked:
        lines.append(("  UNCHECKED: this spec has no checks, so nothing proves the candidate", "bad"))
    if found.unreviewed:
        lines.append(("  UNREVIEWED: dispatched with --no-review, no reviewer has looked at it", "warn"))
    title = f"waiting  {run.spec_id}: {found.title}"
    return Section(heading=(cut(title, width), "warn"), lines=tuple(lines), least=len(lines))


def _asked(found: Decision, width: int) -> Section:
    lines = [*found.goals] if found.goals else []
    lines += [f"task {number}: {task}" for number, task in enumerate(found.tasks, 1)]
    return _list("Asked", lines or [found.title], width)


def _list(heading: str, lines: list[str], width: int, tone: Tone = "plain", least: int = 1) -> Section:
    return Section(
        heading=(heading, "strong"),
        lines=tuple((cut("  " + line, width), tone) for line in lines),
        least=least,
    )


def _changed(found: Decision, width: int) -> Section:
    what = f"{found.base[:10]} → {found.gate.candidate[:10]}"
    if (candidate := found.candidate) is None:
        return Section(heading=(f"Changed  {what}", "strong"))
    files = sorted(candidate.files, key=lambda file: -((file.added or 0) + (file.removed or 0)))
    unlisted = candidate.total - len(files)
    heading = f"Changed  {_size(candidate)}  {what}"
    lines: list[Painted] = [(_file(file, width), "plain") for file in files]
    if unlisted > 0:
        lines.append((f"  and {unlisted:,} files that are not listed", "dim"))
    return Section(heading=(cut(heading, width), "strong"), lines=tuple(lines), more="and {n} more files")


def _size(candidate: Candidate) -> str:
    lines = f"+{candidate.added:,} -{candidate.removed:,}"
    return f"{plural(candidate.total, 'file')} {lines} in {plural(candidate.commits, 'commit')}"


def _file(file: FileChanged, width: int) -> str:
    text = file.added is not None and file.removed is not None
    counts = f"+{file.added:,} -{file.removed:,}" if text else "binary"
    return f"  {pad(file.path, width - 20)}{counts:>16}"


def _criteria(found: Decision, width: int) -> Section | None:
    if not found.criteria:
        return None
    looked = any(criterion.met is not None for criterion in found.criteria)
    said = f"{found.met} of {len(found.criteria)} met" if looked else "no verifier has looked at them"
    order = sorted(found.criteria, key=lambda one: (one.met is True, one.number))  # the unmet come first
    return Section(
        heading=(f"Criteria  {said}", "strong"),
        lines=tuple(_criterion(criterion, width) for criterion in order),
        more="and {n} more criteria",
    )


def _criterion(one: Evidenced, width: int) -> Painted:
    mark, tone = CRITERION_MARKS[one.met]
    evidence = f"{one.kind} {one.where}".strip() if one.kind != "none" else ""
    if one.met is False and not evidence:
        evidence = one.why or "no evidence"
    head = f"  {mark} {one.number}. "
    room = width - columns(head)
    evidence = cut(evidence, max(14, room // 2)) if evidence else ""
    text = pad(one.text, room - columns(evidence) - 2) + "  " + evidence if evidence else cut(one.text, room)
    return head + text, tone


def _checks(found: Decision, width: int) -> Section | None:
    if not found.ways:
        return None
    lines = [_way(way, width) for way in found.ways]
    if found.weak:
        weak = f"  passed before the work as well, prove less: {', '.join(found.weak)}"
        lines.append((cut(weak, width), "dim"))
    return Section(heading=("Checks, each way in a fresh clone", "strong"), lines=tuple(lines), least=3)


def _way(way: Way, width: int) -> Painted:
    if not way.total:
        return cut(f"  – {way.name:<33} not run" + (f": {way.note}" if way.note else ""), width), "dim"
    failed = f"; fails: {', '.join(way.failed)}" if way.failed else ""
    ok = way.passed == way.total
    note = f" ({way.note})" if way.note else ""
    text = f"  {'✓' if ok else '✗'} {way.name:<33} {way.passed} of {way.total} passed{note}{failed}"
    return cut(text, width), "good" if ok else "bad"


def _findings(found: Decision, width: int) -> Section | None:
    if not found.opinions:
        return None
    approved = sum(1 for opinion in found.opinions if opinion.status == "approved")
    said = f"{approved} of {len(found.opinions)} reviewers approved"
    open_ = f"{len(found.findings)} open" if found.findings else "none open"
    return Section(
        heading=(f"Findings  {open_}; {said}", "strong"),
        lines=tuple((_finding(one.id, one.text, width), "warn") for one in found.findings),
        more="and {n} more findings: `fabrik runs show`",
        least=3,
    )


def _finding(id: str, text: str, width: int) -> str:
    return cut(f"  {id.removeprefix('review-task-')}  {text}", width)


def _judged(found: Decision, width: int) -> Section | None:
    if not found.judged:
        return None
    return Section(
        heading=("Changes to what judges the work", "strong"),
        lines=tuple(_judged_line(one, width) for one in found.judged),
        more="and {n} more",
    )


def _judged_line(one: Judged, width: int) -> Painted:
    place = one.path if one.line is None else f"{one.path}:{one.line}"
    if one.quote:
        return cut(f"  ~ {cut(place, width // 2)} asked for: “{one.quote}”", width), "warn"
    if one.allowed:
        return cut(f"  ~ {place}: {one.what} (the spec's mayChange)", width), "dim"
    return cut(f"  {'✗' if one.holds else '~'} {place}: {one.what}", width), "bad" if one.holds else "dim"


def _marks(found: Decision, width: int) -> Section | None:
    if not found.gate.marks:
        return None
    others, repeated = found.other_marks, len(found.gate.marks) - len(found.other_marks)
    lines = [f"  ! {mark}" for mark in others]
    if repeated:
        lines.append(
            f"  ! the {plural(repeated, 'open finding')} above"
            if repeated > 1
            else "  ! the open finding above"
        )
    return Section(
        heading=(f"Approving overrides {plural(len(found.gate.marks), 'mark')} against it:", "bad"),
        lines=tuple((cut(line, width), "bad") for line in lines),
        more="and {n} more marks",
        least=min(3, len(lines)),
    )


def _closer(run: Run, evidence: Path | None) -> Section:
    lines: list[str] = [f"  fabrik runs diff {short(run.id)}"]
    if evidence is not None:
        lines.append(f"  {evidence}")
    repository = RunPaths(Path(run.directory)).repo
    lines.append(f"  git fetch {quoted(str(repository))} refs/fabrik/candidate")
    return Section(
        heading=("Look closer", "strong"), lines=tuple((line, "plain") for line in lines), least=len(lines)
    )


def _decide(run: Run) -> Section:
    ref = short(run.id)
    lines = (f"  fabrik approve {ref}", f'  fabrik reject {ref} --notes "what is missing"')
    return Section(
        heading=("Decide", "strong"), lines=tuple((line, "plain") for line in lines), least=len(lines)
    )
