"""What a review of somebody else's branch is about, sealed at dispatch."""

from __future__ import annotations

from dataclasses import dataclass

BUNDLE = "branch.bundle"  # below the run's inputs


@dataclass(frozen=True, kw_only=True)
class ReviewOrder:
    """The order of a run of `review`."""

    branch: str  # as the user named it
    against: str  # what it is compared with, as it was named or found
    tip: str  # the commit of the branch then: the candidate
    commits: int  # of the branch's own
    specified: bool  # False: there is no spec, and the change is judged by itself
