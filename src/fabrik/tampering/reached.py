"""Judges that a check reaches in a roundabout way: what its scripts, recipes and commands start and read.

A check that only starts one shell script is decided by that script, wherever it lies. From there, and from
the recipes that the checks use, this follows what is started, sourced, included, and compared with. What may
as well be the product is left out: files in folders of sources, programs whose output is looked at, scripts
that build something, documents, and what lies at the root or in a folder of sources without a word
that says that it judges (a function called `expect…` or `assert…`, a judging name).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fabrik.tampering.checked import JUDGING_WORDS, SHELLS, Checked, checked, is_check_script, words_of
from fabrik.tampering.judging_scripts import judging_scripts
from fabrik.tampering.make_rules import Makefile, judging_targets, read_makefile, used_variables
from fabrik.tampering.shell import programs
from fabrik.tampering.shell_text import bare, candidates, folder_of, started
from fabrik.tampering.text import named

MOST = 100  # texts that are followed
PRODUCT_FOLDERS = named(
    "src lib libs app apps pkg internal cmd source sources bin sbin libexec dist build public static"
)
_DOCUMENTS = named("doc docs documentation man examples example")
_NO_DATA = re.compile(
    r".*\.(?:md|rst|adoc|lock|toml|ya?ml|py|[cm]?[jt]sx?|rb|go|rs|c|h|cc|cpp|hpp|java|kt|sh|bash|awk|sed|pl|php|html)"
)
_EXPECTED = named(
    "expect expected golden goldens want wanted reference references baseline baselines fixture fixtures"
    " answer answers snapshot snapshots expectations correct"
)
_HELPING = named("support helper helpers assert asserts assertions expect expectations harness")
_BUILDS = named("build compile generate gen install deploy release package start serve setup bootstrap")
_ASSERTS = re.compile(
    r"^\s*(?:function\s+)?\w*(?:assert|expect|should)\w*\s*(?:\(\s*\)|\{)"
    r"|^\s*(?:assert|expect|should)\w*\s+[\"'$\w]",
    re.M | re.I,
)
_QUIET = named("set export : true echo printf umask unset cd trap")
_PATTERNS = re.compile(r"-[A-Za-z]*f|--file")  # of grep: a file follows
_COMPARING = named("diff cmp comm")
_CAT = r'"?\$\(\s*(?:cat\s+|<\s*)["\']?([^\s"\')]+)["\']?\s*\)"?'
_SUBSTITUTED = r'"?\$\([^\n]*?\)"?'
_BOTH = (
    re.compile(rf"(?:\[\[?|\btest)\s+{_SUBSTITUTED}\s+==?\s+{_CAT}"),
    re.compile(rf"(?:\[\[?|\btest)\s+{_CAT}\s+==?\s+\"?\$\("),
)
_FED = re.compile(r"(?:\b(?:diff|cmp|comm)\b[^\n;|&<]*|\bdone\s*)<\s*[\"']?([^\s<(\"';|&)]+)")
_INCLUDE = re.compile(r"-?s?include\s+(.+)")


@dataclass(frozen=True, kw_only=True)
class _Text:
    """Shell text that judges, and the folder its own files may be named from."""

    shell: str
    folder: str


class _Search:
    def __init__(self, checks: Checked, base: Collection[str], contents: Mapping[str, bytes]) -> None:
        self.checks = checks
        self.base = base
        self.contents = contents
        self.found: set[str] = set()
        self.waiting: list[_Text] = []
        self.read: set[str] = set()

    def run(self, commands: Sequence[str]) -> frozenset[str]:
        for command in commands:
            self._whole(command)
            self.waiting.append(_Text(shell=command, folder=""))
        for path in sorted(self.checks.scripts):
            self._open(path)
        for path in sorted(self.base):
            if posixpath.basename(path) in ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile"):
                self._make(path, self.checks.targets)
        followed = 0
        while self.waiting and followed < MOST:
            followed += 1
            self._follow(self.waiting.pop(0))
        return frozenset(self.found - self.checks.scripts)

    def _text(self, path: str) -> str | None:
        content = self.contents.get(path)
        if content is None or b"\0" in content[:8000]:
            return None
        return content.decode("utf-8", errors="replace")

    def _add(self, path: str) -> None:
        if path not in self.found:
            self.found.add(path)
            self._open(path)

    def _open(self, path: str) -> None:
        """Read a judge: a shell script, a package's scripts."""
        if path in self.read:
            return
        self.read.add(path)
        text = self._text(path)
        if text is None:
            return
        name = posixpath.basename(path)
        if name == "package.json":
            self._package(path, text)
        elif is_shell(path, text):
            self.waiting.append(_Text(shell=bare(text), folder=folder_of(path)))

    def _package(self, path: str, text: str) -> None:
        try:
            scripts = json.loads(text).get("scripts")
        except (ValueError, AttributeError, RecursionError):
            return
        if isinstance(scripts, dict):
            for name in judging_scripts(scripts, scripts, self.checks.targets):
                if isinstance(scripts.get(name), str):
                    self.waiting.append(_Text(shell=scripts[name], folder=folder_of(path)))

    def _make(self, path: str, targets: Collection[str]) -> None:
        """The recipes that the checks use, and the parts of the file that lie elsewhere."""
        text = self._text(path)
        if text is None or not (targets or path in self.checks.scripts):
            return
        made = read_makefile(text)
        folder = folder_of(path)
        judging = judging_targets(made, targets)
        self._recipes(made, judging, folder)
        used = used_variables(made, judging)
        for line in made.others:
            match = _INCLUDE.fullmatch(line)
            for word in match[1].split() if match else ():
                for part in candidates(word, ("",), folder):
                    included = self._text(part) if part in self.base else None
                    if included is None or part in self.found or in_product(part):
                        continue
                    other = read_makefile(included)
                    wanted = judging | judging_targets(other, targets)
                    if set(other.rules) & wanted or set(other.variables) & used:
                        self.found.add(part)
                        self._recipes(other, wanted, folder)

    def _recipes(self, made: Makefile, targets: Collection[str], folder: str) -> None:
        named_targets = {
            target
            for target in targets
            if target in self.checks.targets
            or ("" in self.checks.targets and target == made.first)
            or set(re.split(r"[^A-Za-z0-9]+", target)) & JUDGING_WORDS
        }
        for target in sorted(named_targets):
            lines = [line.lstrip("@-+ ") for line in made.rules.get(target, [])[1:]]
            shell = "\n".join(line.replace("$$", "$") for line in lines)
            self.waiting.append(_Text(shell=shell, folder=folder))

    def _whole(self, command: str) -> None:
        """Does a check nothing but start one shell script?"""
        real = [each for each in programs(command) if each.words[0] not in _QUIET]
        if len(real) != 1 or real[0].used:
            return
        for path in self._scripts(real[0].words, real[0].places, ""):
            if not in_product(path) and ("/" in path or self._judges_by_content(path)):
                self._add(path)

    def _follow(self, text: _Text) -> None:
        for each in started(text.shell):
            name = posixpath.basename(each.words[0])
            if name in (".", "source"):
                for path in self._scripts(each.words, each.places, text.folder):
                    if self._helps(path):
                        self._add(path)
            elif name in _COMPARING or (name in ("grep", "egrep", "fgrep")):
                words = each.words[1:]
                if name not in _COMPARING:
                    words = tuple(after for word, after in pairwise(words) if _PATTERNS.fullmatch(word))
                for word in words:
                    self._compared(word, each.places, text.folder)
            elif not each.used:
                for path in self._scripts(each.words, each.places, text.folder):
                    if self._judges(path, text.folder):
                        self._add(path)
        for pattern in (*_BOTH, _FED):
            for match in pattern.finditer(text.shell):
                self._compared(match[1], ("",), text.folder)
        for path in checked([text.shell], self.base).scripts if text.folder else ():
            if posixpath.basename(path) not in ("package.json", "Makefile") and not words_of(path) & _BUILDS:
                self._add(path)

    def _scripts(self, words: Sequence[str], places: tuple[str, ...], folder: str) -> Iterator[str]:
        """The shell script of the base that a program's words start."""
        name = posixpath.basename(words[0])
        word = words[0]
        if name in SHELLS:
            word = next((each for each in words[1:] if not each.startswith("-")), "")
        elif "/" not in word:
            return
        if not word:
            return
        for path in candidates(word, places, folder):
            if path in self.base:
                text = self._text(path)
                if name in SHELLS or (text is not None and is_shell(path, text)):
                    yield path
                return

    def _judges(self, path: str, folder: str) -> bool:
        """Is a script that a judge starts, and whose output nobody looks at, a part of it?"""
        if in_product(path) or words_of(path) & _BUILDS:
            return False
        if is_check_script(path, in_shell=True, used=False):
            return True
        return bool(folder and folder_of(path) == folder) or self._judges_by_content(path)

    def _judges_by_content(self, path: str) -> bool:
        """Does it expect something, or look at what another file of the base prints?"""
        text = self._text(path)
        if text is None:
            return False
        if is_check_script(path, in_shell=True, used=False) or _ASSERTS.search(text):
            return True
        shell = bare(text)
        return any(
            each.used and any(True for _ in self._product(each.words, each.places, folder_of(path)))
            for each in started(shell)
        )

    def _product(self, words: Sequence[str], places: tuple[str, ...], folder: str) -> Iterator[str]:
        for word in words[:4]:
            yield from (path for path in candidates(word, places, folder) if path in self.base)

    def _helps(self, path: str) -> bool:
        """Is a file that a judge sources a part of it, and not the library under test?"""
        parts = set(path.lower().split("/")[:-1])
        if not in_product(path) and (
            (words_of(path) | parts) & (_HELPING | JUDGING_WORDS)
            or is_check_script(path, in_shell=True, used=False)
        ):
            return True
        text = self._text(path)
        return text is not None and bool(_ASSERTS.search(bare(text)))

    def _compared(self, word: str, places: tuple[str, ...], folder: str) -> None:
        for path in candidates(word, places, folder):
            if path in self.base:
                if is_expectation(path):
                    self.found.add(path)
                return


def reached(
    commands: Sequence[str], checks: Checked, base: Collection[str], contents: Mapping[str, bytes]
) -> frozenset[str]:
    """Files of the base that judge though no check names them as such. contents: of files of the base, as far
    as they are known. Pure; never raises; follows at most MOST texts.
    """
    return _Search(checks, base, contents).run(commands)


def in_product(path: str) -> bool:
    """Does a path lie in a folder of sources?"""
    return any(part in PRODUCT_FOLDERS for part in path.split("/")[:1])


def is_expectation(path: str) -> bool:
    """May a file that a check compares something with be what it expects? Documents and sources may not."""
    parts = set(path.lower().split("/")[:-1])
    if (words_of(path) | parts) & _EXPECTED:
        return not in_product(path)
    return bool(parts) and not parts & (PRODUCT_FOLDERS | _DOCUMENTS) and not _NO_DATA.fullmatch(path.lower())


def is_shell(path: str, text: str) -> bool:
    """Is a file a shell script, by its name or its first line?"""
    name = posixpath.basename(path)
    if name.endswith((".sh", ".bash", ".bats", ".ksh", ".zsh")):
        return True
    first = text.split("\n", 1)[0]
    if first.startswith("#!"):
        return bool(re.search(r"\b(?:ba|da|z|k|a)?sh\b", first))
    return "." not in name.lstrip(".")
