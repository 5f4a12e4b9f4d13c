"""The project's own checks, out of AGENTS.md as people write it. Pure.

Conservative: what is not sure to be a check is not taken, and a human is told. Below headings such as
"Validation" or "Tests" every command counts that does not install, start, change or pick out a single test;
below mixed ones ("Build & Run", "Commands") only those that are labelled or known to test, lint or build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabrik.playbook import commands, shell_lines
from fabrik.playbook.blocks import Node, Section, sections
from fabrik.playbook.labels import Label, Place, label, place, placeholder
from fabrik.playbook.words import words
from fabrik.problems import Problem

_SPAN = re.compile(r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)")
# Possessive: of a run of blanks and stars a hostile line would otherwise try every part.
_LABELLED = re.compile(
    r"^[\s*_]*+(?P<label>[^`:]{1,60}?)[\s*_]*(?::|\s[\u2014\u2013=-]|\u2192)[\s*_]*(?=`|$)"
)
_UNTICKED = re.compile(r"^[\s*_]*+(?P<label>[A-Za-z][\w -]{0,30}?)[\s*_]*:[\s*_]++(?P<code>[^`]+)$")
_JOINS = re.compile(
    r"^[\s*_]*+(?:,?\s*(?:and|then|followed by|plus|as well as)|,|;|&|&&|\+)[\s*_]*$", re.IGNORECASE
)
_RUNS = words("re-?run runs? running execute ensure make_sure must_pass passes")
_USES = words("use with via")
_COMMAND_LIKE = re.compile(r"\s|^(?:\./|bin/|scripts?/)\w")
_REFUSES = re.compile(r"\b(?:don['’]?t|do not|never|avoid|instead of|rather than|not)\b", re.IGNORECASE)
# Words that no command line has: an unticked "Tests: pytest is used for all of them" is a sentence.
_PROSE = frozenset(
    {
        "is",
        "are",
        "was",
        "used",
        "for",
        "the",
        "all",
        "every",
        "should",
        "must",
        "we",
        "you",
        "our",
        "this",
        "when",
    }
)


_INDENTED_CODE = 4  # columns: Markdown's older way of writing a code block
_ADVICE = (
    ("pipe", "write it without the pipe, so that its exit status counts"),
    ("whatever", "write it so that it fails when something is wrong"),
    ("besides", "name the part that checks by itself"),
    ("changes", "name the form of it that only reports, such as --check"),
    ("several lines", "put it into a script of the project, and name that"),
    ("background", "name a command that ends by itself"),
    ("outside", "name a command that can be run from the top of the project"),
    ("not stand below", "write it below the heading “Validation” as - Tests: `command`"),
)


@dataclass(frozen=True, kw_only=True)
class NamedCheck:
    """A command that AGENTS.md names as a way to see whether the work is good."""

    name: str  # unique in the file; the label there where it has one
    run: str  # for `sh -c`, from the top of the project
    line: int  # in the file, from 1


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A command that is known and was not taken as a check."""

    run: str
    line: int
    why: str
    told: bool  # it may have been meant as one: a human should know


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What was understood of an AGENTS.md."""

    checks: tuple[NamedCheck, ...]  # in the order of the file
    skipped: tuple[Skipped, ...]
    problems: tuple[Problem, ...]  # for a human; none of them is in the way


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A command with all that its surroundings say of it."""

    run: str
    line: int
    place: Place
    labels: tuple[Label, ...]  # outermost first

    named: bool  # its own label is one that says what it checks
    shell: bool = True  # it stands in a block that says that it is shell, or in a line that calls for it
    called: bool = True  # its surroundings say that it is to be run
    refused: str = ""  # why its surroundings say that it is none


def checks(text: str) -> tuple[NamedCheck, ...]:
    """The checks in an AGENTS.md, in its order."""
    return read(text).checks


def read(text: str, file: str = "AGENTS.md") -> Understood:
    """The checks in an AGENTS.md, what was left out and why, and what a human should know. Never fails.

    file: its name for messages.
    """
    taken: dict[str, NamedCheck] = {}  # by command
    names: dict[str, int] = {}
    skipped: list[Skipped] = []
    problems: list[Problem] = []
    for candidate in _candidates(sections(text)):
        where = f"line {candidate.line}"
        if placeholder(candidate.run):
            skipped.append(_skip(candidate, "it is a placeholder", told=False))
            if candidate.place == "validation" and re.fullmatch(r"\[[^\]]*\]", candidate.run):
                what = f"`{candidate.run}` is still a placeholder"
                problems.append(
                    Problem(file=file, where=where, what=what, todo="write your project's own command there")
                )
            continue
        if (refusal := _refusal(candidate)) is not None:
            why, told = refusal
            if told or commands.inspect(candidate.run).kind != "unknown":
                skipped.append(_skip(candidate, why, told=told))
            if told:
                problems.append(
                    Problem(
                        file=file,
                        where=where,
                        what=f"`{_short(candidate.run)}` was not taken as a check: {why}",
                        todo=_advice(why),
                    )
                )
        elif candidate.run not in taken:
            name = _name(candidate, names)
            taken[candidate.run] = NamedCheck(name=name, run=candidate.run, line=candidate.line)
    if not taken:
        problems.append(
            Problem(
                file=file,
                what="no checks were found in it: nothing but the agent says that its work is good",
                todo="name them below a heading “Validation”, one per line, as - Tests: `pytest -q`",
            )
        )
    return Understood(
        checks=tuple(taken.values()),
        skipped=tuple(entry for entry in skipped if entry.run not in taken),
        problems=tuple(problems),
    )


def _advice(why: str) -> str:
    """What to do so that a command becomes a check."""
    for reason, todo in _ADVICE:
        if reason in why:
            return todo
    return "if the host should run it every time, name it below “Validation”: - Tests: `command`"


def _refusal(candidate: _Candidate) -> tuple[str, bool] | None:
    """Why a command is no check, and whether a human should know; None when it is one."""
    found = commands.inspect(candidate.run)
    looks = found.kind not in ("never", "unknown")
    if candidate.refused:
        return candidate.refused, looks and not candidate.refused.startswith("it is one of several")
    if found.kind == "never":
        meant = candidate.place == "validation" or not found.why.startswith("it changes")
        aside = any(each.kind in ("never", "targeted") for each in candidate.labels)
        return found.why, found.told and meant and not aside and candidate.place != "other"
    for each in candidate.labels:
        if each.kind == "targeted":
            return "it is for a part of the tests", looks and not (found.targeted or found.file)
        if each.kind == "conditional":
            return "it is not for every time", looks
        if each.kind == "never":
            return "its label says that it is for something else", looks and each.doubtful
    if found.targeted:
        return f"it picks out a part of the tests ({found.targeted})", False
    if not candidate.called:
        return "it is only mentioned", looks and candidate.place == "validation" and " " in candidate.run
    if candidate.place == "other":
        return "it does not stand below a heading such as Validation", candidate.named and looks
    if candidate.place == "mixed":
        if found.file and not candidate.named:
            return "it runs a part of the tests", False
        if not looks and not candidate.named:
            return "it is not known to check anything", False
    if not looks and not candidate.named and not candidate.shell:
        return "it is not known to be a command that checks", False
    return None


def _candidates(found: Sequence[Section]) -> Iterator[_Candidate]:
    for section in found:
        where = place(section)
        labels = tuple(label(title, heading=True) for title in (*section.parents[1:], section.title) if title)
        yield from _of_nodes(section.nodes, where, labels)


def _of_nodes(
    nodes: Sequence[Node], where: Place, labels: tuple[Label, ...], *, nested: bool = False
) -> Iterator[_Candidate]:
    before: Node | None = None
    for node in nodes:
        if node.kind == "code":
            yield from _of_code(node, where, labels, _announced(before))
        elif node.kind == "text" and node.indent >= _INDENTED_CODE and not nested:
            lines = tuple((node.number + at, line) for at, line in enumerate(node.text.split("\n")))
            code = Node(kind="code", number=node.number, lines=lines)
            yield from _of_code(code, where, labels, _announced(before))
        elif node.kind == "row" and not node.header:
            yield from _of_row(node, where, labels)
        elif node.kind == "text":
            for offset, line in enumerate(node.text.split("\n")):
                yield from _of_line(line, node.number + offset, where, labels)
        elif node.kind == "item":
            text = " ".join(node.text.split("\n"))
            yield from _of_line(text, node.number, where, labels)
            own = label(text) if not _SPAN.search(text) and text else None
            yield from _of_nodes(node.children, where, (*labels, own) if own else labels, nested=True)
        before = node


def _announced(before: Node | None) -> tuple[Label, ...]:
    """What the line above a code block says that it holds: "To run all tests:", "**Tests**"."""
    if before is None or before.kind not in ("text", "item"):
        return ()
    last = before.text.split("\n")[-1].strip()
    announces = last.rstrip("*_ ").endswith(":") or re.fullmatch(r"(\*\*|__).{1,60}\1", last)
    return (label(last),) if announces else ()


def _of_code(
    node: Node, where: Place, labels: tuple[Label, ...], announced: tuple[Label, ...]
) -> Iterator[_Candidate]:
    for line in shell_lines.read(node):
        own = (*announced, label(line.comment)) if line.comment else announced
        yield _Candidate(
            run=line.run,
            line=line.number,
            place=where,
            labels=(*labels, *own),
            named=bool(own) and own[-1].checks,
            shell=bool(node.language),
            refused=line.problem,
        )


def _of_row(node: Node, where: Place, labels: tuple[Label, ...]) -> Iterator[_Candidate]:
    """A row of a table: one cell with a command, the others say what for."""
    cells = [(cell, _SPAN.findall(cell)) for cell in node.cells]
    with_code = [spans for _, spans in cells if spans]
    if not with_code or len(with_code[0]) != 1:
        return
    told = " ".join(cell for cell, spans in cells if not spans)
    own = label(told, strict=True)
    yield _Candidate(
        run=with_code[0][0][1].strip(), line=node.number, place=where, labels=(*labels, own), named=own.checks
    )


def _of_line(text: str, number: int, where: Place, labels: tuple[Label, ...]) -> Iterator[_Candidate]:
    """The commands in one line of text: `- Tests: \\`pytest\\``, "Run `pytest` before …"."""
    spans = list(_SPAN.finditer(text))
    if not spans:
        yield from _unticked(text, number, where, labels)
        return
    head, tail = text[: spans[0].start()], text[spans[-1].end() :]
    strict = _LABELLED.match(text)
    told = f"{head} {tail}" if strict is None else ""
    own = label(strict["label"], strict=True) if strict else label(told)
    around = label(tail) if strict else own
    refused = "the line says not to" if _REFUSES.search(head) and not strict else ""
    bare = not head.strip(" *_-")
    several_words = " " in spans[0]["code"].strip()
    asked = bool(_RUNS.search(head) or _RUNS.search(tail)) or (several_words and bool(_USES.search(head)))
    for at, span in enumerate(spans):
        between = text[spans[at - 1].end() : span.start()] if at else ""
        if at and not _JOINS.match(between):
            if commands.inspect(span["code"]).kind not in ("never", "unknown"):
                yield _Candidate(
                    run=span["code"].strip(), line=number, place=where, labels=labels, named=False,
                    refused="it is one of several in a line",
                )  # fmt: skip
            return
        yield _Candidate(
            run=span["code"].strip(),
            line=number,
            place=where,
            labels=(*labels, own, *((around,) if around.kind in ("targeted", "conditional") else ())),
            named=bool(strict) and own.checks and at == 0,
            # In a sentence it must be known as a command: it may be a name or a file.
            shell=at == 0 and bool(strict or bare) and bool(_COMMAND_LIKE.search(span["code"].strip())),
            called=bool(strict) or bare or asked,
            refused=refused,
        )


def _unticked(text: str, number: int, where: Place, labels: tuple[Label, ...]) -> Iterator[_Candidate]:
    """ "Lint: ruff check ." without backticks, when what follows can be nothing but a known command."""
    match = _UNTICKED.match(text)
    if match is None or not (own := label(match["label"], strict=True)).checks:
        return
    run = match["code"].strip()
    known = placeholder(run) or commands.inspect(run).kind not in ("never", "unknown")
    ends = run.endswith((".", "!", "?")) and not run.endswith(" .")
    if known and not ends and not _PROSE & set(run.lower().split()):
        yield _Candidate(run=run, line=number, place=where, labels=(*labels, own), named=True)


def _name(candidate: _Candidate, used: dict[str, int]) -> str:
    """What a check is called: its label, or what it does; a number where that is taken.

    used: the names that are, each with the last number after it.
    """
    own = next((each.text for each in reversed(candidate.labels) if each.names), "")
    kind = commands.inspect(candidate.run).kind
    plain = {"test": "tests", "check": "checks", "unknown": _short(candidate.run)}.get(kind, kind)
    base = own or plain
    name = base
    while name in used:
        used[base] += 1
        name = f"{base} {used[base]}"
    used[name] = 1
    return name


def _skip(candidate: _Candidate, why: str, *, told: bool) -> Skipped:
    return Skipped(run=candidate.run, line=candidate.line, why=why, told=told)


def _short(run: str) -> str:
    return run if len(run) <= 60 else run[:59] + "…"
