"""A queue of messages in the file system, for agents that talk."""
