"""What is not committed when a loop begins: its fate is told, and what could not land is refused."""

from __future__ import annotations

from fabrik.errors import UsageError
from fabrik.playbook.layout import PLAN
from fabrik.vcs.checkout import Snapshot, few
from fabrik.vcs.git import run
from fabrik.workflows.destination import Warn
from fabrik.workflows.loop.order import Mode

UNCOMMITTED = "Uncommitted work, as it was when the loop began"  # the commit that has it
NAMED = 10  # files of a message


async def require_settled(shot: Snapshot, mode: Mode) -> None:
    """Refuse what would keep the first work from landing. Raises UsageError."""
    where = str(shot.place.root)
    unsettled = [path for path in shot.unsettled if mode == "build" or path == PLAN]
    if unsettled:
        raise UsageError(
            f"git has these in two ways, staged otherwise than the files are: {few(unsettled, NAMED)}",
            where=where,
            todo="commit what is staged, or take it back: git restore --staged FILE",
        )
    if mode == "build":
        return
    sides = [
        (await run("rev-parse", "--verify", "--quiet", f"{at}:{PLAN}", cwd=shot.place.root,
                   user_config=True)).stdout
        for at in (shot.tip, shot.commit)
    ]  # fmt: skip
    if mode == "plan-work" and sides[0] != sides[1]:
        raise UsageError(
            f"{PLAN} has changes that are not committed, and `plan-work` would overwrite them",
            where=where,
            todo=f"commit them, or put it back: git restore {PLAN}",
        )
    if not sides[1] and await _ignored(shot):
        raise UsageError(
            f"{PLAN} is ignored by git: no plan could land", where=where, todo="take it out of .gitignore"
        )


async def _ignored(shot: Snapshot) -> bool:
    said = await run("check-ignore", "--quiet", "--", PLAN, cwd=shot.place.root, user_config=True)
    return said.status == 0


def tell(shot: Snapshot, mode: Mode, warn: Warn, *, push: bool, include_untracked: bool) -> None:
    """Say what becomes of it. Raises UsageError where what nobody has looked at would be pushed."""
    if mode == "build":
        if push and shot.untracked and not include_untracked:
            raise UsageError(
                f"--push would push what git does not track yet: {few(shot.untracked, NAMED)}",
                where=str(shot.place.root),
                todo="git add and commit what belongs to the project, and name the rest in .gitignore;"
                " or push all of it: --include-untracked",
            )
        if not shot.clean:
            count = f"{len(shot.changed)} file{'s' * (len(shot.changed) != 1)}"
            fate = "is committed and pushed" if push else "is committed"
            warn(
                f"there are uncommitted changes in {count}: {few(shot.changed, NAMED)}\n"
                "  → the sessions see them, and with the first work that lands all of it"
                f' {fate}, as "{UNCOMMITTED}"'
            )
    if shot.secrets:
        warn(
            f"left out, for the names look like those of secrets: {few(shot.secrets, NAMED)}\n"
            "  → no session sees them, nothing commits or overwrites them; git add what is no secret"
        )
    for path in shot.nested:
        warn(f"{path} is a repository inside this one and no submodule: sessions do not see it")
