"""A queue of messages in the file system, for agents that talk: send, receive, acknowledge.

It is a directory, so that `ls` and `cat` show all there is, and who has no fabrik can take part with `mv`:

DIR/<recipient>/       an inbox
├── lock               held while a sender chooses a name, or while something is put back
├── tmp/               being written
├── new/               waiting; the names sort by time, the oldest is received first
├── taken/             received and not acknowledged; the name says until when (see names.py)
└── done/              acknowledged; the last thousand are kept, to know a message that is sent once more

Every move is one rename(2) within a file system: a message is in exactly one place at any time, and of two
who take it one finds nothing. What is taken and not acknowledged comes back when its time is up, or when the
process that holds it is gone. So a message is delivered at least once, and acknowledged once.

Whoever may write to the directory may write anything there, so nothing in it is trusted: no symbolic link is
followed, at no place of a path, and what is no small regular file with a plain name is no message.
"""
