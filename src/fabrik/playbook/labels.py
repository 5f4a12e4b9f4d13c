"""What the words around a command say of it: it tests, it is for one file, it starts a server. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fabrik.playbook.blocks import Section
from fabrik.playbook.words import words

Place = Literal["validation", "mixed", "other"]
LabelKind = Literal["checks", "targeted", "conditional", "never", "nothing"]

_CHECKS = words(r"""
    tests? testing test[-\s]suite specs type[-\s]?check(?:s|ing|er)? typing types mypy pyright tsc
    lint(?:s|ing|er|ers)? static_analysis format(?:ting)?[-\s]check check(?:s|ing)? validat(?:e|es|ion|ing)
    verif(?:y|ies|ication) builds? building compil(?:e|es|ing) ci coverage quality all everything full_suite
    e2e end-to-end unit integration vet clippy style smoke schema acceptance regression
""")
_TARGETED = words(r"""
    single specific one individual targeted particular focused subset matching per[-\s]file by_name
    only_(?:one|a) a_file a_test some filter(?:ed|ing)? changed_files? selected
""")
_CONDITIONAL = words(
    r"""
    optional(?:ly)? slow nightly manual(?:ly)? rarely expensive
    (?:if|when|where)_(?:needed|necessary|available|possible|you|the) only_(?:if|when|for|in|on|after)
    requires? needs?_(?:a|an|the|docker|network|running|internet) needed alternatively ^or e\.g\.
    for_example first_time
    """,
    where=r"\b(?:{})(?![\w-])",
)
_NEVER = words(r"""
    install(?:s|ing|ation)? set[-\s]?up dependencies deps dev dev(?:elopment)?_(?:server|mode)
    start(?:s|ing)?
    serve[rs]? run(?:s|ning)?_(?:the_|your_)?(?:app(?:lication)?|server|program|project|locally|it|dev\w*)
    watch(?:es|ing)?(?:_mode)? deploy(?:s|ment)? publish release migrat(?:e|ion|ions) seed clean(?:s|ing|up)?
    (?:auto[-\s]?)?fix(?:es|ing)?
    format(?:s|ting|ter)? auto-?correct(?:s|ion)? debug(?:ging)? benchmarks? profil(?:e|ing) preview
    logs? interactive ui_mode headed update[sd]?_snapshots? generate docs?_server repl shell
""")
_FORMAT_CHECK = words(r"format(?:ting)?[-\s]check check(?:s|ing)?_(?:the_)?format --check", where="(?:{})")

_VALIDATION = words(r"""
    validat(?:e|es|ion|ing|ions) verif(?:y|ying|ication) tests? testing check(?:s|ing|list)?
    lint(?:s|ing|ers?)?
    type[-\s]?check(?:s|ing)? typing back[-\s]?pressure quality ci continuous_integration gates?
    pre-?commit static_analysis feedback
    before_(?:you_|every_|each_|any_)?(?:a_)?(?:commit|push|finish|submit|open)\w*
""")
_MIXED = words(r"""
    build(?:ing|s)? compil(?:e|ing) develop(?:ment|ing)? dev set[-\s]?up getting_started quick[-\s]?start
    install(?:ation|ing)? usage tooling toolchain environment local make[-\s]?file
""")
_COMMANDS = words(r"""
    commands? run(?:ning)? scripts? workflows? tasks? targets? cheat[-\s]?sheet how_to
""")
_GUIDE = words(r"""
    conventions? guidelines? strateg(?:y|ies) patterns? style principles? structure philosophy architecture
    writing adding frameworks? instructions? notes? polic(?:y|ies) rules? fixtures? mock(?:s|ing) layout
    practices expectations tips coverage
""")
_ELSEWHERE = words(r"""
    manual(?:ly)? deploy(?:ment|ing)? releas(?:e|es|ing) publish(?:ing)? production prerequisites?
    troubleshooting operational operations
""")

_PLACEHOLDERS = (
    re.compile(r"(?:^|[\s/=])\[[A-Za-z][\w ./|:-]*\](?=\s|$)"),  # [test command]; not [ -f x ], not x[1]
    re.compile(r"<[A-Za-z][\w ./|:-]*>"),  # <file>
    re.compile(r"(?<![$\w'\"{])\{\{?\s*[A-Za-z_][\w .-]*\s*\}?\}"),  # {file}, {{file}}; not ${VAR}, not {a,b}
    re.compile(r"(?<![.\w/])\.\.\.(?![./\w])|…"),  # go's ./... is none
    re.compile(
        r"(?:^|[\s/=])(?:path/to|your[-_/]|my[-_]?test|foo/bar)\b|\b(?:YOUR|TODO|TBD|XXX)\b|\bPATH/TO\b"
    ),
    re.compile(
        r"(?:\s|=)(?:FILE|FILENAME|TEST_?NAME|TestName|test_name|NAME|PATTERN|MODULE|PACKAGE)(?=\s|$|\.)"
    ),
)


@dataclass(frozen=True, kw_only=True)
class Label:
    """The words that stand with a command, and what they say of it."""

    text: str
    kind: LabelKind
    doubtful: bool = False  # it speaks of checking, and of something else as well
    heading: bool = False  # it is a heading, which may stand over many commands

    @property
    def checks(self) -> bool:
        """It says that the command checks something."""
        return self.kind == "checks"

    @property
    def names(self) -> bool:
        """It can be the name of a check."""
        return self.checks and 0 < len(self.text) <= 40 and not self.heading


def label(text: str, *, strict: bool = False, heading: bool = False) -> Label:
    """What words say of the command that stands with them.

    strict: they are a label ("Tests:", a comment, a cell), not a sentence around the command: what they call
    a thing is then what it is.
    r"""
    said = re.sub(r"[*_`#]+", "", text).strip(":—–-. \t")
    checks = bool(_CHECKS.search(said))
    if _TARGETED.search(said) and not re.search(r"\ball\b", said, re.IGNORECASE):
        return Label(text=said, kind="targeted")
    if _CONDITIONAL.search(said):
        return Label(text=said, kind="conditional")
    if _NEVER.search(said) and not _FORMAT_CHECK.search(said) and (strict or not checks):
        return Label(text=said, kind="never", doubtful=checks)
    return Label(text=said, kind="checks" if checks else "nothing", heading=heading)


def place(section: Section) -> Place:
    """What kind of commands stand below a heading: by its words, else by those of the heading above it.

    The title of the file, and what stands before any heading, may hold anything.
    r"""
    for title in (section.title, *reversed(section.parents)):
        if (found := _place(title)) is not None:
            return found
    return "mixed" if section.level <= 1 else "other"


def _place(title: str) -> Place | None:
    if _ELSEWHERE.search(title):
        return "other"
    if _VALIDATION.search(title):
        return "mixed" if _MIXED.search(title) or _GUIDE.search(title) else "validation"
    if _GUIDE.search(title):
        return "other"
    return "mixed" if _MIXED.search(title) or _COMMANDS.search(title) else None


def placeholder(run: str) -> bool:
    """Whether a command has to be filled in before it can be run."""
    return not run.strip() or any(pattern.search(run) for pattern in _PLACEHOLDERS)
