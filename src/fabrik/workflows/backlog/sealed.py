"""What a run of the backlog was dispatched with, besides what every run has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fabrik.backlog.folder import Folder, SpecName
from fabrik.backlog.log import LogFormat


@dataclass(frozen=True, kw_only=True)
class SealedBacklog:
    """One spec of a backlog, as it is worked on."""

    folder: str  # the backlog folder, absolute
    number: int
    spec: str  # its path below specs/
    seed: bool  # it writes further specs, and commits nothing
    repo: str | None  # the repository's name in the workspace; None: of a seed spec
    root: str | None  # its working tree …
    git_dir: str | None  # … and where its HEAD and index are
    workdir: str  # inside the repository; "" is its top
    copied_to: str  # of a seed spec: the backlog folder in the copy that the agent sees
    workspace: str  # the workspace root
    phrase: str
    attempts: int  # how often it may fail
    stamp: str  # the directory of its logs
    log_format: LogFormat
    forced: bool
    candidate: str | None  # put forward before this run: it is verified first
    compared_with: str | None  # the commit that it is shown against

    @property
    def name(self) -> SpecName:
        return SpecName(number=self.number, path=self.spec)

    @property
    def place(self) -> Folder:
        return Folder(directory=Path(self.folder))
