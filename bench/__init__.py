"""Measurements: each figure is a ratio to a baseline of the same run, or growth. `make bench` runs them."""
