"""Files that are read when they are opened, and again when they change.

A change is picked up within about a second: the files are looked at once a second at most, and only
when somebody asks. What cannot be read or understood leaves what was read before in force, and is
told once. So does a file that disappears.

A command is to hear of a file that it cannot open as an error. A service starts all the same and
gives temporary errors until the file is there, as Postfix does: it says with tell_problems() who
is to be told.

Postfix:  dict_open(3) (surrogate dictionaries), DATABASE_README
Must not: wait for anything; take a file into use while somebody writes it, if it can be helped
"""

import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from spoolmta.clock import SystemClock
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.lookup import PROBLEMS, Map, Table

T = TypeVar("T")
_Identity = tuple[tuple[int, ...] | None, ...]

LOOK_INTERVAL_S = 1.0
# A file that was written to this lately may not be complete, and may change again unnoticed.
SETTLING_S = 0.1

_CLOCK = SystemClock()


class _Telling(logging.Handler):
    """Hands what is logged of tables to a function."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one line."""
        self._tell(record.getMessage())


class _Openings:
    """Whether a file that cannot be read is an error when it is opened."""

    required = True


def tell_problems(tell: Callable[[str], None], *, required: bool = False) -> None:
    """From now on tell *tell* what is wrong with tables, and open those that are not there, too.

    With *required*, a file that cannot be opened stays an error.
    """
    PROBLEMS.handlers = [_Telling(tell)]
    _Openings.required = required


def keep_problems() -> None:
    """Undo tell_problems()."""
    PROBLEMS.handlers = []
    _Openings.required = True


class WatchedFiles(Generic[T]):
    """What *read* makes of some files, made anew when one of them changes.

    *read* raises ConfigError if it cannot.
    """

    def __init__(
        self, name: str, paths: Iterable[str | os.PathLike[str]], read: Callable[[], T]
    ) -> None:
        """*name* is for messages: "hash:/etc/postfix/access".

        Raises ConfigError: *read* cannot read them, in a command.
        """
        self.name = name
        self._paths = tuple(map(Path, paths))
        self._read = read
        self._value: T | None = None
        self._problem = ""
        self._identity = self._seen()
        self._next_look = time.monotonic() + LOOK_INTERVAL_S
        self._take()
        if self._is_settling():
            self._identity = ()

    def current(self) -> T:
        """Return what the files say now.

        Raises MapUnavailable: they could never be read; the caller tries again later.
        """
        now = time.monotonic()
        if now >= self._next_look:
            self._look(now)
        if self._value is None:
            raise MapUnavailable(f"{self.name} is unavailable. {self._problem}")
        return self._value

    def _look(self, now: float) -> None:
        self._next_look = now + LOOK_INTERVAL_S
        seen = self._seen()
        if seen == self._identity:
            return
        if self._is_settling():
            self._next_look = now + SETTLING_S
            return
        self._identity = seen
        self._take()
        if self._seen() != seen:
            self._identity = ()

    def _take(self) -> None:
        try:
            self._value = self._read()
            self._problem = ""
        except ConfigError as error:
            if _Openings.required and self._value is None:
                raise
            problem = str(error)
            if problem != self._problem:
                kept = "; the old one stays in force" if self._value is not None else ""
                PROBLEMS.warning("%s%s", problem, kept)
            self._problem = problem

    def _seen(self) -> _Identity:
        return tuple(map(_identity, self._paths))

    def _is_settling(self) -> bool:
        now = _CLOCK.now()
        newest = max((seen[0] for seen in self._seen() if seen is not None), default=0)
        return 0 <= now - newest / 1e9 < SETTLING_S


class WatchedMap:
    """A table in files; see WatchedFiles. *fixed* is that of the table that *open_table* opens."""

    __slots__ = ("_files", "fixed", "name")

    def __init__(
        self,
        name: str,
        paths: Iterable[str | os.PathLike[str]],
        open_table: Callable[[], Map],
        *,
        fixed: bool,
    ) -> None:
        """Raises ConfigError: see WatchedFiles."""
        self.name = name
        self.fixed = fixed
        self._files = WatchedFiles(name, paths, open_table)

    def current(self) -> Map:
        """Return the table as its files are now.

        Raises MapUnavailable: see WatchedFiles.
        """
        return self._files.current()

    def lookup(self, key: str) -> Coroutine[Any, Any, str | None]:
        """See Map."""
        return self._files.current().lookup(key)


class FileMap(WatchedMap):
    """A table whose entries are in the watched files themselves, so that they change with these.

    What *open_table* opens is a Table, too.
    """

    __slots__ = ("state",)

    def __init__(
        self,
        name: str,
        paths: Iterable[str | os.PathLike[str]],
        open_table: Callable[[], Map],
        *,
        fixed: bool,
    ) -> None:
        """Raises ConfigError: see WatchedFiles."""
        super().__init__(name, paths, open_table, fixed=fixed)
        self.state = cast("Callable[[], Table]", self._files.current)
        """See SteadyMap."""


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    # The time of the inode's change tells of permissions, too: what was unreadable may not be.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev
