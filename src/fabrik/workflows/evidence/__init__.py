"""The evidence page of a run: one Markdown file that says what proves the result, from the ledger alone."""

from __future__ import annotations

from fabrik.workflows.evidence.page import PAGE, render, write

__all__ = ["PAGE", "render", "write"]
