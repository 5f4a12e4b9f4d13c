"""The workflow `backlog`: one spec of a backlog from its text to a verified commit, or to further specs.

implementer → the host looks at the commit and runs the spec's commands → candidate marker → independent
verifier → the commit lands on the branch that is checked out → done marker. Every failure on the way uses one
attempt, and is what the next attempt is told.
"""
