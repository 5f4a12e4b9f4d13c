"""Logins that exist as files, the user's settings with keys, and what of all that is secret."""
