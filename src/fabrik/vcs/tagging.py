"""Tags in the user's project, and pushing its branch and tags; no hook of theirs is run."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.errors import UsageError
from fabrik.vcs.checkout import Place
from fabrik.vcs.failures import GitFailed, failure
from fabrik.vcs.git import NETWORK_SECONDS, git, run


async def tags(place: Place) -> dict[str, str]:
    """The names of all tags, with the commit that each leads to. Raises VcsError."""
    listed = await git(
        "for-each-ref", "--format=%(objectname) %(*objectname) %(refname:lstrip=2)", "refs/tags/",
        cwd=place.root, user_config=True, where=str(place.root),
    )  # fmt: skip
    found = {}
    for line in listed.decode(errors="surrogateescape").splitlines():
        at, peeled, name = line.split(" ", 2)
        found[name] = peeled or at
    return found


async def tag(place: Place, name: str, commit: str) -> None:
    """Make a plain tag; one that is there at this commit already is fine.

    Raises UsageError when it is at another commit, VcsError.
    """
    try:
        await git(
            "update-ref", f"refs/tags/{name}", commit, "0" * len(commit),
            cwd=place.root, user_config=True, where=str(place.root),
        )  # fmt: skip
    except GitFailed:
        at = (await tags(place)).get(name)
        if at == commit:
            return
        if at is None:
            raise
        raise UsageError(
            f"the tag {name} is there already, at {at[:12]}",
            where=str(place.root),
            todo="it is left as it is",
        ) from None


async def push(
    place: Place, branch: str, remote: str, names: Sequence[str] = (), *, tracked: bool = False
) -> None:
    """Push a branch, and tags, to a remote of the project. A branch without an upstream gets one.

    tracked: it is known to have one.
    Hooks do not run: what they start may be files that an agent has written.
    Raises VcsError with what the server or git says: unreachable, not a fast-forward, refused.
    """
    if not tracked:
        found = await run("config", "--get", f"branch.{branch}.merge", cwd=place.root, user_config=True)
        tracked = found.status == 0
    upstream = [] if tracked else ["--set-upstream"]
    refs = [f"refs/heads/{branch}", *(f"refs/tags/{name}" for name in names)]
    output = await run(
        "push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--no-signed", "--no-verify",
        *upstream, "--", remote, *(f"{ref}:{ref}" for ref in refs),
        cwd=place.root, user_config=True, seconds=NETWORK_SECONDS,
    )  # fmt: skip
    if output.status != 0:
        said = output.stdout.decode(errors="replace")
        reasons = [" ".join(line.split()) for line in said.splitlines() if line.startswith("!")]
        raise failure("push", output.status, "\n".join([output.stderr, *reasons]), remote)
