"""sqlite: the answer of a query to an SQLite database.

Postfix: sqlite_table(5)
Limits:  as in Postfix, the first column of the first statement counts
"""

import os
import time
from collections.abc import Callable, Sequence

import apsw

from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.server_pool import (
    ANSWER_LIMIT_S,
    QueryRefused,
    ServerLost,
    Servers,
    ServerSilent,
    shared_pool,
)
from spoolmta.maps.servers.sql import SqlMap, SqlSession

_BUSY_LIMIT_MS = 5000
_STEPS_BETWEEN_LOOKS = 50_000
_LOOK_INTERVAL_S = 1.0


class SqliteMap(SqlMap):
    """sqlite:FILE.cf or sqlite:NAME."""

    def __init__(
        self, argument: str, open_map: Callable[[str], Map], rules: KeyRules = USUAL
    ) -> None:
        """Raises ConfigError: a parameter is missing or cannot be understood."""
        parameters = ClientParameters("sqlite", argument)
        path = parameters.required("dbpath")
        # A local file is never left alone: to try it again costs nothing.
        pool = shared_pool(
            ("sqlite", path), lambda: Servers[SqlSession]([path], _Session, retry_interval=0)
        )
        super().__init__(parameters, pool, open_map, rules)


class _Session:
    """One open database file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._deadline = 0.0
        self._next_look = 0.0
        try:
            self._identity = _identity(path)
            # A file that may not be written to is opened for reading alone.
            self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
            self._connection.set_busy_timeout(_BUSY_LIMIT_MS)
            self._connection.set_progress_handler(self._is_overdue, _STEPS_BETWEEN_LOOKS)
        except (OSError, apsw.Error) as error:
            raise ServerLost(f"cannot be opened: {error}") from error

    def quote(self, text: str, inside: str) -> str:
        return text.replace(inside[-1], inside[-1] * 2)

    def values(self, query: str) -> Sequence[str]:
        now = time.monotonic()
        self._look(now)
        self._deadline = now + ANSWER_LIMIT_S
        try:
            return self._first_column(query)
        except apsw.InterruptError as error:
            raise ServerSilent(f"no answer within {ANSWER_LIMIT_S:.0f} s") from error
        except (apsw.Error, UnicodeError) as error:
            raise QueryRefused(f"query failed: {error}") from error

    def close(self) -> None:
        self._connection.close(True)

    def _look(self, now: float) -> None:
        """Notice that another file has taken the place of the one that is open."""
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_INTERVAL_S
        try:
            if _identity(self._path) != self._identity:
                raise ServerLost("the file was replaced")
        except OSError as error:
            raise ServerLost(str(error)) from error

    def _first_column(self, query: str) -> list[str]:
        cursor = self._connection.cursor()
        statements = 0

        def is_first(*_: object) -> bool:
            nonlocal statements
            statements += 1
            return statements == 1

        cursor.exec_trace = is_first
        values: list[str] = []
        try:
            for row in cursor.execute(query):
                values.append(self._text(row[0]))
        except apsw.ExecTraceAbort:
            pass
        return values

    def _text(self, value: object) -> str:
        """Return a value as SQLite itself says it, up to a null byte."""
        if isinstance(value, float):
            return str(self._connection.execute("SELECT CAST(? AS TEXT)", (value,)).get)
        if isinstance(value, bytes):
            text = value.decode("utf-8", "surrogateescape")
        else:
            text = "" if value is None else str(value)
        return text.partition("\0")[0]

    def _is_overdue(self) -> bool:
        return time.monotonic() > self._deadline


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - of a name that is no Path before it is needed
    return status.st_dev, status.st_ino
