"""Reads numbers and says what they come to."""
