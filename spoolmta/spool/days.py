"""The day files of history: history/2026-11-30.db has the events of what ended on that day (UTC).

A day file lies in a folder beside the spool: a SQLite file with events of the spool, and with
their numbers. The keeper alone writes it (history.py); who may read it may copy and attach it.
It is deleted whole. Its journal is no write-ahead log: a day that is over is one file.

Must not: know the spool
"""

import contextlib
import re
from pathlib import Path

import apsw

from spoolmta.errors import SpoolUnusable
from spoolmta.spool.filesystem import read_only_uri

FOLDER = "history"
_NAME = re.compile(r"\d{4}-\d\d-\d\d\.db")
# As in the spool (schema.sql), but each event is found by its message.
DECLARATION = """
CREATE TABLE event (
    event_id   INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    recipient  TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX event_by_message ON event (message_id);
"""
# Attached databases that a connection may have, less one to spare.
_MOST_ATTACHED = 120
_ARM = """
SELECT event_id, at, message_id, kind, recipient, detail,
       coalesce((SELECT accepted.detail ->> 'queue_id' FROM {day}.event AS accepted
                  WHERE accepted.message_id = told.message_id AND accepted.kind = 'accepted'
                  ORDER BY accepted.event_id LIMIT 1),
                printf('%015X', told.message_id)),
       NULL
  FROM {day}.event AS told
 WHERE NOT EXISTS (SELECT 1 FROM main.event AS kept WHERE kept.event_id = told.event_id)
"""
_VIEWS_OVER_THE_JOURNAL = ("journal_by_message", "v1_attempts", "v1_events")


def paths(folder: Path) -> list[Path]:
    """Return the day files in *folder*, the oldest day first."""
    try:
        found = [entry for entry in folder.iterdir() if _NAME.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    return sorted(found)


def open_read_only(path: Path) -> apsw.Connection:
    """Return a connection to a day file that cannot change it."""
    return apsw.Connection(
        read_only_uri(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )


def bounds(folder: Path) -> tuple[int, int]:
    """Return the least and the greatest number in the day files that can be read; 0, 0 if none."""
    numbers: list[int] = []
    for path in paths(folder):
        with contextlib.suppress(apsw.Error), contextlib.closing(open_read_only(path)) as day:
            for question in ("SELECT min(event_id) FROM event", "SELECT max(event_id) FROM event"):
                numbers += [row[0] for row in day.execute(question) if row[0]]
    return min(numbers, default=0), max(numbers, default=0)


def ends_of_slices(folder: Path, after: int, count: int) -> list[int]:
    """Return for each day that has so many events of messages after *after* the message there."""
    question = (
        "SELECT message_id FROM event WHERE message_id > ? ORDER BY message_id LIMIT 1 OFFSET ?"
    )
    ends: list[int] = []
    for path in paths(folder):
        with contextlib.suppress(apsw.Error), contextlib.closing(open_read_only(path)) as day:
            ends += [row[0] for row in day.execute(question, (after, count))]
    return ends


def attach(connection: apsw.Connection, folder: Path) -> list[Path]:
    """Put the day files under the journal that *connection* sees; return those that are.

    What was attached before is let go. The views of the spool over its journal then tell of all.
    An event that the keeper has copied, and not yet deleted from the spool, is told once.
    Raises SpoolUnusable: one of them cannot be read; the text says which.
    """
    for name in ("journal", *_VIEWS_OVER_THE_JOURNAL):
        connection.execute(f"DROP VIEW IF EXISTS temp.{name}")
    for _, attached, _ in connection.execute("PRAGMA database_list").fetchall():
        if str(attached).startswith("day_"):
            connection.execute(f"DETACH {attached}")
    found = paths(folder)[-_MOST_ATTACHED:]
    if not found:
        return found
    arms = ["SELECT * FROM main.journal"]
    for number, path in enumerate(found):
        try:
            connection.execute(f"ATTACH ? AS day_{number}", (read_only_uri(path),))
        except apsw.Error as error:
            raise SpoolUnusable(
                f"{path}: this day of the history cannot be read ({error}): try again, or move"
                " it away"
            ) from error
        arms.append(_ARM.format(day=f"day_{number}"))
    columns = "event_id, at, message_id, kind, recipient, detail, queue_id, operation_id"
    connection.execute(f"CREATE TEMP VIEW journal ({columns}) AS {' UNION ALL '.join(arms)}")
    for name in _VIEWS_OVER_THE_JOURNAL:
        ((text,),) = connection.execute(
            "SELECT sql FROM main.sqlite_schema WHERE name = ?", (name,)
        )
        connection.execute(str(text).replace("CREATE VIEW", "CREATE TEMP VIEW", 1))
    return found
