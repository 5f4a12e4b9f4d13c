"""Logs: bounded, hashed, and their ends fit to be shown."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from fabrik.redaction import Redactor
from fabrik.workflows import known_secrets
from fabrik.workflows.logs import KEEP_HEAD, KEEP_TAIL, TAIL_LINES, seal, sweep, tail


def test_a_log_is_hashed_as_it_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"hello\n" * 1000)
    sealed = asyncio.run(seal(log, tmp_path))
    assert (sealed.path, sealed.size, sealed.trimmed) == ("a.log", 6000, False)
    assert sealed.sha256 == hashlib.sha256(log.read_bytes()).hexdigest()


def test_a_huge_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    size = KEEP_HEAD + KEEP_TAIL + (8 << 20)
    with log.open("wb") as file:
        file.write(b"first line\n")
        file.seek(size - 10)
        file.write(b"last line\n")
    sealed = asyncio.run(seal(log, tmp_path))
    assert sealed.trimmed
    assert sealed.size == size
    kept = log.read_bytes()
    assert len(kept) < KEEP_HEAD + KEEP_TAIL + 100
    assert kept.startswith(b"first line\n")
    assert kept.endswith(b"last line\n")
    assert b"[... 8388608 bytes are not kept ...]" in kept
    assert sealed.sha256 == hashlib.sha256(kept).hexdigest()


def test_the_tail_is_plain_text(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"\x1b[31mred\x1b[0m\x1b]0;title\x07 \xff\xfe ok\r\n\x00bell\x07\n")
    assert tail(log) == "red �� ok\nbell"


def test_the_tail_is_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    assert tail(log).splitlines()[-1] == "line 999"
    assert len(tail(log).splitlines()) == TAIL_LINES
    log.write_bytes(b"x" * 1_000_000)
    assert len(tail(log)) <= 8192


def test_a_sweep_redacts_what_nobody_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-canary-of-the-sweep-1"
    monkeypatch.setattr(known_secrets._Known, "redactor", Redactor([secret]))
    first, second = tmp_path / "setup" / "1.log", tmp_path / "setup" / "2.err"
    first.parent.mkdir()
    first.write_text(f"the key is {secret}\n")
    (tmp_path / "bundle.pack").write_text(secret)
    sweep(tmp_path)
    assert first.read_text() == "the key is [redacted]\n"
    second.write_text(secret.encode().hex())
    sweep(tmp_path)
    assert second.read_text() == "[redacted]"
    assert (tmp_path / "bundle.pack").read_text() == secret


def test_a_secret_at_the_cut_of_a_trimmed_log_is_redacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-canary-at-the-cut-" + "x1y2" * 8
    monkeypatch.setattr(known_secrets._Known, "redactor", Redactor([secret]))
    monkeypatch.setattr("fabrik.workflows.logs.KEEP_HEAD", 1000)
    monkeypatch.setattr("fabrik.workflows.logs.KEEP_TAIL", 1000)
    log = tmp_path / "long.log"
    log.write_bytes(b"-" * 990 + secret.encode() + b"-" * 500_000 + secret.encode() + b"-" * 990)
    sealed = asyncio.run(seal(log, tmp_path))
    assert sealed.trimmed
    assert b"sk-canary" not in log.read_bytes()
    assert b"x1y2" not in log.read_bytes()
    assert hashlib.sha256(log.read_bytes()).hexdigest() == sealed.sha256
