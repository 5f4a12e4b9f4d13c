"""What a run writes into the backlog folder: markers, logs, the scratchpad. All of it may be done again."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fabrik.backlog import logs, markers, scratchpad
from fabrik.backlog.files import unwritable, write_whole
from fabrik.backlog.log import RunnerLog
from fabrik.workflows.backlog.commands import shown
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.results import CheckResult
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Books:
    """The backlog folder, as one run writes to it: with the permissions that the user's own files have.

    All of it may raise EnvironmentProblem, and OSError where the disk is full.
    """

    work: Work
    sealed: SealedBacklog

    def tell(self, event: str, **details: object) -> None:
        """A line of ralph.log."""
        with self._of_the_user():
            log = RunnerLog(self.sealed.place.log, self.sealed.log_format)
            log.tell(event, self.sealed.spec, run=self.work.run[-8:], **details)

    def implementation(self, attempt: int, text: str) -> None:
        with self._of_the_user():
            logs.write_log(logs.implementation_log(self._runs, attempt), text)

    def verification(self, texts: Sequence[str]) -> None:
        """All verifications of this run so far, one after the other."""
        with self._of_the_user():
            logs.write_log(logs.verification_log(self._runs), "\n".join(texts))

    def candidate(self, attempt: int, commit: str, at: float, output: str) -> None:
        sealed = self.sealed
        with self._of_the_user():
            markers.write_candidate(
                sealed.place.candidate(sealed.name),
                spec=sealed.spec,
                commit=commit,
                at=logs.iso(at),
                attempt=attempt,
                run=self.work.run,
                repo=sealed.repo,
                output=output,
            )

    def done(
        self, attempts: int, commit: str | None, at: float, checks: Sequence[CheckResult], output: str
    ) -> None:
        sealed = self.sealed
        text = markers.done_text(
            spec=sealed.spec,
            title=self.work.context.spec_title,
            commit=commit,
            at=logs.iso(at),
            run=self.work.run,
            attempts=attempts,
            repo=sealed.repo,
            branch=self.work.branch,
            checks=[(shown(check.run), check.ok) for check in checks],
            output=output,
        )
        with self._of_the_user():
            markers.write_done(sealed.place.done(sealed.name), text)

    def new_spec(self, path: str, text: str) -> bool:
        """Put a spec that an agent wrote in its place; False when a human has written another there."""
        target = self.sealed.place.specs / path
        if target.exists():
            return target.read_text(encoding="utf-8", errors="replace") == text
        with self._of_the_user():
            write_whole(target, text)
        return True

    def given_scratchpad(self, session: str, *, verifier: bool = False) -> str:
        """The scratchpad for a session; the same when it is started again: what it leaves builds on it.

        A verifier is given it as it was before this run: it must not hear from whom it judges.
        """
        kept, before = self._kept(session), self._kept("before")
        if not kept.exists():
            text = scratchpad.read_scratchpad(self.sealed.place.scratchpad)
            if not before.exists():
                write_whole(before, text)
            write_whole(kept, scratchpad.read_scratchpad(before) if verifier else text)
        return scratchpad.read_scratchpad(kept)

    def take_scratchpad(self, session: str, left: bytes | None, given: str | None = None) -> str:
        """Take back what a session made of it; a remark when that was not, or not wholly, possible."""
        if given is None:
            given = scratchpad.read_scratchpad(self._kept(session))
        text, problem = scratchpad.taken_back(given, left)
        if text is None:
            return problem
        with self._of_the_user():
            if scratchpad.put_back(self.sealed.place.scratchpad, given, text):
                return ""
            aside = self._runs / f"SCRATCHPAD-{session}.md"
            logs.write_log(aside, text)
        return f"SCRATCHPAD.md was changed meanwhile: the agent's is in {aside}"

    @property
    def _runs(self) -> Path:
        return self.sealed.place.runs(self.sealed.name, self.sealed.stamp)

    def _kept(self, session: str) -> Path:
        return self.work.paths.directory / "scratchpads" / f"{session}.md"

    @contextmanager
    def _of_the_user(self) -> Iterator[None]:
        before = os.umask(self.work.umask)
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # it is told where all that fills the disk is
            raise unwritable(error, self.sealed.place.directory) from error
        finally:
            os.umask(before)
