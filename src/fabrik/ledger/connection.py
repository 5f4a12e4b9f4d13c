"""One SQLite connection, and the one way through which it is read and the one through which it is written."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from fabrik.ledger.sql import QUERIES, migrations
from fabrik.ledger.trouble import clear_errors, file_trouble, foreign, newer

SCHEMA_VERSION = 1


def run_query(db: sqlite3.Connection, name: str, **parameters: Any) -> sqlite3.Cursor:
    """Execute the statement of that name in queries.sql."""
    return db.execute(QUERIES[name], {key: _storable(value) for key, value in parameters.items()})


def to_json(value: Any) -> str:
    """The one JSON form of the ledger: equal values give equal text. Raises TypeError or ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _storable(value: Any) -> Any:
    """Text from outside may hold half characters that SQLite cannot store; they are written as escapes.

    In JSON text such an escape reads back as what it was.
    """
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


class Connection:
    """A ledger's file, open. Safe to use from several threads; one of them at a time uses SQLite."""

    def __init__(self, path: Path, db: sqlite3.Connection, busy_seconds: float) -> None:
        self.path = path
        self.busy_seconds = busy_seconds
        self._db = db
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path, *, busy_seconds: float = 30.0) -> Self:
        """Open the ledger; make its directory, file and tables where they are missing.

        busy_seconds: how long to wait for another program's transaction.
        Raises LedgerError (locked, damaged, newer, read-only, not a ledger) and DiskFull.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise file_trouble(error, path) from error
        with clear_errors(path, busy_seconds):
            # Autocommit: transactions are begun by hand, because the module would begin them deferred.
            db = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        self = cls(path, db, busy_seconds)
        try:
            self._prepare()
        except BaseException:
            db.close()
            raise
        return self

    @classmethod
    def open_existing(cls, path: Path, *, busy_seconds: float = 30.0) -> Self | None:
        """Open the ledger for a command that only reads; None when there is none yet. Raises LedgerError."""
        return cls.open(path, busy_seconds=busy_seconds) if path.exists() else None

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed at the end of the block, rolled back by any exception.

        Every write to the ledger goes through here. IMMEDIATE, because a transaction that reads first and
        writes later fails under load whatever the timeout.
        Raises LedgerError, DiskFull; nothing is written then, and the ledger can be used further.
        """
        with self._lock, clear_errors(self.path, self.busy_seconds):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, such as a full disk.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several statements that only read, one after the other: no transaction. Raises LedgerError."""
        with self._lock, clear_errors(self.path, self.busy_seconds):
            yield self._db

    def data_version(self) -> int:
        """A number that changes when another process or connection has written: cheap to ask often."""
        return int(self._pragma("data_version"))

    def check(self) -> list[str]:
        """What is wrong with the ledger, one line each; an empty list when all is well. Reads all of it."""
        problems = [str(row[0]) for row in self._rows("PRAGMA integrity_check(20)", {}) if row[0] != "ok"]
        problems += [
            f"{row['table']} row {row['rowid']} belongs to no run"
            for row in self._rows("PRAGMA foreign_key_check", {})
        ]
        problems += [
            f"run {row['run_id']}: step {row['key']} is finished but has {row['events']} step.finished events"
            for row in self._read("check_steps")
        ]
        problems += [
            f"run {row['id']} is {row['status']} without an event that says so"
            for row in self._read("check_verdicts")
        ]
        return problems

    def _read(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        return self._rows(QUERIES[query], parameters)

    def _rows(self, statement: str, parameters: Mapping[str, Any]) -> list[sqlite3.Row]:
        with self._lock, clear_errors(self.path, self.busy_seconds):
            return self._db.execute(statement, parameters).fetchall()

    def _pragma(self, name: str) -> Any:
        return self._rows(f"PRAGMA {name}", {})[0][0]

    def _prepare(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._rows("PRAGMA foreign_keys = ON", {})
        version = int(self._pragma("user_version"))
        if version > SCHEMA_VERSION:
            raise newer(self.path, version, SCHEMA_VERSION)
        self._use_wal()
        self._rows("PRAGMA synchronous = FULL", {})
        if version < SCHEMA_VERSION:
            self._migrate()

    def _use_wal(self) -> None:
        """Switch to the write-ahead log, once in a ledger's life.

        SQLite does not wait here while another process does the same, so the waiting is done by hand.
        """
        if self._pragma("journal_mode") == "wal":
            return
        deadline = time.monotonic() + self.busy_seconds
        with clear_errors(self.path, self.busy_seconds):
            while True:
                try:
                    self._db.execute("PRAGMA journal_mode = WAL")
                    return
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() >= deadline:
                        raise
                    time.sleep(0.02)

    def _migrate(self) -> None:
        with self.transaction() as db:
            # Asked again under the lock: another process may have done it meanwhile.
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise foreign(self.path)
            for number, statements in sorted(migrations().items()):
                if number > version:
                    for statement in statements:
                        db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
