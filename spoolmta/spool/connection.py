"""spool.db opened for work: transactions, durable or not, behind one write gate.

Writers of all processes queue in the kernel at a lock file beside the spool (flock), so that
nobody polls SQLite's own lock and a dead holder frees it at once. Each transaction is committed
with synchronous=NORMAL: it survives the death of every process. A durable one survives power
loss, too: once it is committed, and the gate is free for others, the WAL is synchronized, which
carries all earlier commits along. The WAL starts again only after a checkpoint that synchronized
it and the database, so no commit can be overwritten before it is on the disk.

Must not: be carried over a fork; open the file by any other way in a process that has it open.
"""

import errno
import fcntl
import os
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import apsw

from spoolmta.clock import Clock
from spoolmta.errors import SpoolBusy, SpoolFailed, SpoolFull, SpoolmtaError, SpoolUnusable
from spoolmta.spool import days, replacement, schema
from spoolmta.spool.filesystem import require_local_filesystem
from spoolmta.spool.statements import statements

FILE_NAME = "spool.db"
MINIMUM_SQLITE = (3, 51, 3)
WITHDRAWN_SQLITE = (3, 52, 0)

_GATE_NAME = "spool.gate"
_PAGE_BYTES = 1024
_CACHE_KIB = 8192
_LARGE_CACHE_KIB = 262_144
_MAPPED_BYTES = 1 << 40
_BUSY_SECONDS = 10.0
_CHECKPOINT_SECONDS = 0.1
_BUSY_INTERVAL = 0.0005
_STATEMENT_CACHE = 400
_ZEROS_BYTES = 1 << 20
_BLOCK_BYTES = 4096

Row = tuple[Any, ...]


def micros(seconds: float) -> int:
    """Return a time as the spool keeps it: whole microseconds."""
    return int(seconds * 1_000_000)


def seconds(micros: int) -> float:
    """Return a time of the spool in seconds."""
    return micros / 1_000_000


def numbers(values: Iterable[int]) -> Any:
    """Return whole numbers as one bound array, for "IN carray(:ids)"."""
    # An empty array has no address to bind; no id is negative.
    return apsw.carray(array("q", values) or array("q", (-1,)))


def check_sqlite(version: str) -> None:
    """Raise SpoolUnusable if this SQLite may lose committed data with several processes.

    Versions before 3.51.3 have the WAL-reset bug; 3.52.0 was withdrawn.
    """
    parts = tuple(int(part) for part in version.split("."))[:3]
    if parts < MINIMUM_SQLITE or parts == WITHDRAWN_SQLITE:
        raise SpoolUnusable(
            f"SQLite {version} can lose committed mail when several processes write; spoolmta needs"
            " 3.51.3 or newer (not 3.52.0): install a newer apsw package"
        )


class Spool:
    """One connection to spool.db, for one thread."""

    def __init__(self, path: Path, clock: Clock, connection: apsw.Connection, gate: int) -> None:
        """Use `open`."""
        self.path = path
        self.clock = clock
        self.commits = 0
        self._connection = connection
        self._gate = gate
        self._holds_gate = False
        self._patience = _BUSY_SECONDS
        self._log = -1
        self._days: list[Path] = []
        self._transaction = Transaction(self)

    @classmethod
    def open(cls, path: Path, clock: Clock, *, create: bool = False) -> Self:
        """Return the spool at *path*; *create* it if it is not there.

        Raises SpoolUnusable: the caller prints it and ends; the text says what to do.
        """
        check_sqlite(apsw.sqlite_lib_version())
        require_local_filesystem(path.parent)
        replacement.require_none(path)
        flags = (
            apsw.SQLITE_OPEN_READWRITE
            | apsw.SQLITE_OPEN_URI
            | (apsw.SQLITE_OPEN_CREATE if create else 0)
        )
        gate = -1
        mask = os.umask(0o007)
        try:
            gate = os.open(path.with_name(_GATE_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
            connection = apsw.Connection(
                str(path), flags=flags, statementcachesize=_STATEMENT_CACHE
            )
        except (OSError, apsw.CantOpenError) as error:
            if gate >= 0:
                os.close(gate)
            raise SpoolUnusable(f"cannot open the spool {path}: {error}") from error
        finally:
            os.umask(mask)
        spool = cls(path, clock, connection, gate)
        try:
            spool._prepare(create=create)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            spool.close()
            raise SpoolUnusable(damaged(path, error)) from error
        except apsw.Error as error:
            spool.close()
            raise SpoolUnusable(f"cannot use the spool {path}: {error}") from error
        except SpoolmtaError:
            spool.close()
            raise
        return spool

    def transaction(self, *, durable: bool = False, patient: bool = True) -> "Transaction":
        """Return the context in which statements are one commit; see `Transaction`.

        *durable*: at its end the commit is on the disk. Others see it before that. A *patient* one
        waits for a foreign program that has the spool locked.

        Raises SpoolBusy, SpoolFull: nothing was written; try again later.
        Raises SpoolFailed: it is not known whether it was written; end the process.
        """
        self._transaction.durable = durable
        self._patience = _BUSY_SECONDS if patient else 0.0
        return self._transaction

    def enter_free_gate(self) -> bool:
        """Enter the write gate for the next transaction, unless somebody is in there."""
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._holds_gate = True
        return True

    def synchronize(self) -> None:
        """Wait until all that was committed is on the disk.

        Raises SpoolFailed: it may not be; end the process.
        """
        try:
            if self._log < 0:
                self._log = self._open_log()
            os.fdatasync(self._log)
            # Ours for life (PERSIST_WAL): without a name it would not be found after a crash.
            if not os.fstat(self._log).st_nlink:
                raise FileNotFoundError(errno.ENOENT, "the write-ahead log was removed")
        except OSError as error:
            raise SpoolFailed(f"{self.path}: {error}") from error

    def read(self, name: str, bindings: Mapping[str, Any] | None = None) -> list[Row]:
        """Return all rows of a named SELECT, outside any transaction.

        Raises SpoolFailed: end the process.
        """
        try:
            return self._connection.execute(statements()[name], bindings).fetchall()
        except apsw.Error as error:
            _translate(error, self.path)

    def enlarge_cache(self) -> None:
        """Take more memory from now on: for a transaction that changes very many rows.

        With too little, pages that change again and again are written and read again as often.
        """
        self._connection.pragma("cache_size", -_LARGE_CACHE_KIB)

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Read the file through a map of it meanwhile, which halves the work of reading most of it.

        Not for writers (sqlite.org, mmap.html: an error of the disk then ends the process).
        """
        self._connection.pragma("mmap_size", _MAPPED_BYTES)
        try:
            yield
        finally:
            self._connection.pragma("mmap_size", 0)

    def free_bytes(self) -> int:
        """Return how much of the file is free: the next messages go there."""
        ((_, free, page_bytes),) = self.read("measure_file")
        return int(free * page_bytes)

    def compact(self) -> None:
        """Write the file anew without its free pages; writers wait, readers do not.

        The new pages stand in the log, and the file is shorter once that is copied. Who dies in the
        middle leaves all as it was.
        Raises SpoolBusy, SpoolFull: nothing was changed. SpoolFailed: end the process.
        """
        try:
            with self.gate():
                self._patience = _CHECKPOINT_SECONDS
                self._connection.execute("VACUUM")
        except apsw.Error as error:
            _translate(error, self.path)

    def attach_history(self) -> bool:
        """Let the journal that is read here tell of the day files, too, as many as there are now.

        Return whether they are others than before: what was read meanwhile may lack what moved.
        Raises SpoolUnusable: one of them cannot be read; the text says which.
        """
        folder = self.path.with_name(days.FOLDER)
        if days.paths(folder) == self._days:
            return False
        self._days = days.attach(self._connection, folder)
        return True

    def checkpoint(self, mode: int) -> tuple[int, int]:
        """Return (pages in the WAL, pages of them copied to the file) after a checkpoint.

        One that readers stand in the way of soon gives up: writers may be waiting behind it.
        """
        self._patience = _CHECKPOINT_SECONDS
        return self._connection.wal_checkpoint(mode=mode)

    def extend_log(self, size: int) -> int:
        """Append some zeros to a WAL of less than *size* bytes; return how many, 0 if none.

        They lie behind all that SQLite has written, which takes them for the end of the log.
        Raises SpoolFull: there is no room for them.
        """
        with self.gate():
            log = os.open(f"{self.path}-wal", os.O_WRONLY | os.O_CLOEXEC)
            end = os.fstat(log).st_size
            try:
                # In small writes: what is written at once the kernel later dirties at once.
                places = range(end, min(size, end + _ZEROS_BYTES), _BLOCK_BYTES)
                return sum(os.pwrite(log, bytes(_BLOCK_BYTES), place) for place in places)
            except OSError as error:
                os.ftruncate(log, end)
                raise SpoolFull(f"{self.path}: no space left for its log: {error}") from error
            finally:
                os.close(log)

    def gate(self) -> "Gate":
        """Return the write gate alone, for work that must keep all writers out."""
        return Gate(self._gate)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        os.close(self._gate)
        if self._log >= 0:
            os.close(self._log)

    def _prepare(self, *, create: bool) -> None:
        connection = self._connection
        connection.set_busy_handler(self._wait_for_lock)
        if create and schema.version(connection) == 0:
            connection.pragma("page_size", _PAGE_BYTES)
        # Who only opens what is complete need not wait behind writers.
        is_complete = schema.version(connection) and connection.pragma("journal_mode") == "wal"
        if create or not is_complete:
            with Gate(self._gate):
                if connection.pragma("journal_mode", "wal") != "wal":
                    raise SpoolUnusable(f"{self.path}: write-ahead logging cannot be used there")
                if create:
                    schema.apply(connection)
        schema.verify(connection, self.path)
        connection.pragma("synchronous", "NORMAL")
        connection.pragma("wal_autocheckpoint", 0)
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("temp_store", 2)
        connection.pragma("trusted_schema", 0)
        connection.pragma("mmap_size", 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        # Else what has a bound LIMIT, and some others, are planned anew whenever they are run.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        # Without it the last one to close would delete the WAL under a racing opener.
        yes = array("i", (1,))
        connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, yes.buffer_info()[0])

    def _begin(self) -> None:
        try:
            if not self._holds_gate:
                fcntl.flock(self._gate, fcntl.LOCK_EX)
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            self._leave_gate()
            _translate(error, self.path)

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
            self.commits += 1
        except apsw.Error as error:
            self._rollback()
            _translate(error, self.path)
        else:
            self._leave_gate()

    def _open_log(self) -> int:
        """Return a descriptor of the WAL, whose name is then on the disk, too."""
        log = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return log

    def _rollback(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._leave_gate()

    def _leave_gate(self) -> None:
        self._holds_gate = False
        fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _wait_for_lock(self, calls: int) -> bool:
        """Ask again at a constant pace; only foreign tools contend for SQLite's own lock."""
        if calls * _BUSY_INTERVAL >= self._patience:
            return False
        time.sleep(_BUSY_INTERVAL)
        return True


class Transaction:
    """BEGIN IMMEDIATE ... COMMIT; an exception inside rolls everything back.

    Never wait for anything but SQLite inside it: all other writers stand at the gate.
    """

    def __init__(self, spool: Spool) -> None:
        """Use `Spool.transaction`."""
        self.durable = False
        self._spool = spool
        self._connection = spool._connection
        self._statements = statements()

    @property
    def now(self) -> int:
        """The present time as the spool keeps it."""
        return micros(self._spool.clock.now())

    @property
    def changes(self) -> int:
        """How many rows the last statement inserted, updated or deleted."""
        return self._connection.changes()

    def run(
        self, name: str, bindings: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> list[Row]:
        """Run a named statement; return its rows (of a SELECT or RETURNING)."""
        return self._connection.execute(self._statements[name], bindings).fetchall()

    def read(self, name: str, bindings: Mapping[str, Any] | None = None) -> list[Row]:
        """Return all rows of a named SELECT, as they are inside this transaction."""
        return self.run(name, bindings)

    def run_many(
        self, name: str, bindings: Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]]
    ) -> None:
        """Run a named statement that returns no rows once for each of *bindings*."""
        self._connection.executemany(self._statements[name], bindings)

    @contextmanager
    def without_triggers(self) -> Iterator[None]:
        """Run statements whose triggers' work the caller does, for all their rows at once."""
        self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        try:
            yield
        finally:
            self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)

    def __enter__(self) -> Self:
        self._spool._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._spool._commit()
            if self.durable:
                self._spool.synchronize()
            return
        self._spool._rollback()
        if isinstance(error, apsw.Error):
            _translate(error, self._spool.path)


# Who can be asked: a connection between transactions, or a transaction.
Reader = Spool | Transaction


class Gate:
    """The write gate alone, for work that is no transaction."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def damaged(path: Path, error: apsw.Error) -> str:
    """Return what an operator is told of a spool that SQLite finds damaged."""
    return (
        f"{path}: the spool is damaged ({error}); stop spoolmta, keep all spool.db* files,"
        " and recover from a copy (spoolmta restore)"
    )


def _translate(error: apsw.Error, path: Path) -> NoReturn:
    """Turn SQLite's exceptions into ours, at this edge alone."""
    if isinstance(error, apsw.FullError):
        raise SpoolFull(f"{path}: no space left for the spool") from error
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        raise SpoolBusy(f"{path}: the spool is locked by another program: {error}") from error
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        raise SpoolUnusable(damaged(path, error)) from error
    if isinstance(error, apsw.IOError | apsw.ReadOnlyError | apsw.CantOpenError):
        raise SpoolFailed(f"{path}: {error}") from error
    raise error
