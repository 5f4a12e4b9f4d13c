"""Judges: a model says pass or fail of a text or a picture, by criteria in words, once or by votes.

The room is pure but for `door`, which carries one request to a model: the others make requests and read
answers. Nothing outside the standard library is used, because all of it runs inside checks, too.
"""
