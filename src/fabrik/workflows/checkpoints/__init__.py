"""Workspaces saved and brought back: a tar stream out of one sandbox and into another, of any backend.

What is saved is the workspace of the implementing sessions and the run's own commits. HOME is not: each
session gets a new one, so that nothing of it lasts anyway, and it is where logins lie. The next session of a
run works on a commit; a workspace that is restored at that commit is used as it is, with all that was
installed and built in it, and anything else is put aside like the work of a session that was cut off.
"""
