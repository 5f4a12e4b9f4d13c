"""Judges: a criterion, an artifact, an answer of pass or fail, votes."""
