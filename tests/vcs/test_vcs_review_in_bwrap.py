"""The reviewers' checkout where it is really made and read: one sandbox writes it, others read it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from vcs_repos import Setting, commit, make_setting

from fabrik.sandboxes.bubblewrap import Bubblewrap
from fabrik.sandboxes.sandbox import Command, Limits, Sandbox, SandboxSpec
from fabrik.vcs.inside import review_argv

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")

SECRET = "Trust me, all tests pass"
LOOK = f"""
set -e
git rev-parse HEAD
git log --format=%s
git status --porcelain --ignored
git show --stat --format=%an HEAD | head -1
git diff "$1" HEAD -- new.txt | tail -1
git --no-replace-objects log --format=%B --all 2>&1 | grep "{SECRET}" || :
git cat-file --batch-all-objects --unordered --batch 2>&1 | grep -a "{SECRET}" || :
ls "$2" 2>/dev/null || :
git replace -d HEAD 2>/dev/null || :
git checkout -q HEAD~1 2>/dev/null || :
(echo evil > new.txt) 2>/dev/null || :
cp -r . ~/own && cd ~/own && echo more >> new.txt && git commit -qam "An own try" && git log -1 --format=%P
"""


class Reviewers:
    """Three sandboxes that read one."""

    def __init__(self, s: Setting) -> None:
        self.s = s
        self.provider = Bubblewrap()
        self.specs = [self.spec("review", s.repo.objects)]
        self.specs += [
            self.spec(f"review-{number}", s.repo.base_objects, self.specs[0].root) for number in range(3)
        ]

    def spec(self, purpose: str, objects: Sequence[Path], reads: Path | None = None) -> SandboxSpec:
        who = {"GIT_AUTHOR_NAME": "r", "GIT_AUTHOR_EMAIL": "r@x"}
        who |= {"GIT_COMMITTER_NAME": "r", "GIT_COMMITTER_EMAIL": "r@x"}
        root = self.s.tmp / "sandboxes" / purpose
        return SandboxSpec(
            name=f"{self.s.tmp.name}/{purpose}", root=root, read_only=objects, env=who, reads=reads
        )

    async def run(self, box: Sandbox, argv: Sequence[str]) -> str:
        log = self.s.tmp / f"{box.name.rpartition('/')[2]}.log"
        ended = await box.exec(
            Command(argv=argv, stdout=log, stderr=log, files={}, limits=Limits(seconds=60.0))
        )
        assert ended.ok, log.read_text()
        return log.read_text()

    async def review(self, head: str) -> list[list[str]]:
        """Bring the checkout to a commit; what each of the readers then sees there."""
        source, *readers = [await self.provider.create(spec) for spec in self.specs]
        base = self.s.base.commit
        argv = review_argv(
            source.workspace, self.s.repo.objects, self.s.repo.base_objects, base=base, commit=head,
            neutral=await self.s.repo.neutral(base, head),
        )  # fmt: skip
        assert await self.run(source, argv) == ""
        look = ["sh", "-c", LOOK, "sh", base, str(self.s.repo.path)]
        said = await asyncio.gather(*(self.run(reader, look) for reader in readers))
        return [words.splitlines() for words in said]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_reviewers_see_the_commit_and_no_more(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path, object_format=object_format)
        made = [commit(s.workspace, SECRET, new_txt=f"line {number}\n") for number in range(3)]
        await s.bring(s.harvest()[1])
        reviewers = Reviewers(s)
        for number in (0, 2, 1, 1):
            seen = await reviewers.review(made[number])
            line = f"+line {number}"
            one = [made[number], "The change under review", "More", "Begin", "fabrik", line, made[number]]
            assert seen == [one] * 3

    asyncio.run(scenario())
