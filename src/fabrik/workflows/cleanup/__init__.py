"""What exists compared with what the ledger knows: what goes, what stays and why, and its removal.

survey.py looks and changes nothing; remove.py removes, each thing under the lock of its owner and only when
what was seen still holds. A thing is fabrik's when the ledger has its run, when a sandbox's labels say so, or
when it lies where only fabrik puts things while nobody holds the lock of those who do. A name alone is never
enough, links are not followed, and what belongs to another user or to another FABRIK_HOME is not looked at.
"""
