"""A folder of JSON specs, worked through in order of id and dependency: each is an ordinary `fabrik run`."""

from __future__ import annotations

from pathlib import Path

from fabrik.workflows.backlog.request import BacklogRequest


def holds_json_specs(directory: Path) -> bool:
    """Whether a directory has JSON specs in it, and no numbered Markdown ones below specs/."""
    return bool(json_specs(directory)) and not (directory / "specs").is_dir()


def json_specs(directory: Path) -> list[Path]:
    """The files that may be JSON specs: not minified ones, and no todos."""
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.glob("*.json")
        if not path.name.lower().endswith((".min.json", ".todo.json")) and path.is_file()
    )


def run_json_specs(directory: Path, request: BacklogRequest, *, dry_run: bool, stream: bool) -> int:
    del directory, request, dry_run, stream
    return 2
