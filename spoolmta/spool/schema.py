"""schema.sql: applied to a new spool, verified on an old one. The only reader of that file.

Must not: change a spool of another version; its operator decides.
"""

import re
from functools import cache
from pathlib import Path

import apsw

from spoolmta.errors import SpoolUnusable

VERSION = 5
_COLUMN = re.compile(r"^    (\w+),? *-- (.+)$", re.MULTILINE)


@cache
def text() -> str:
    """Return the whole schema: the packaged copy, else the one at the root of the source tree."""
    packaged = Path(__file__).with_name("schema.sql")
    path = packaged if packaged.is_file() else Path(__file__).parents[2] / "schema.sql"
    return path.read_text("utf-8")


def apply(connection: apsw.Connection) -> None:
    """Create every table in an empty file, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version(connection) == 0:
            connection.execute(text())
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def verify(connection: apsw.Connection, path: Path) -> None:
    """Raise SpoolUnusable if the spool was made by another version of spoolmta."""
    found = version(connection)
    if found == VERSION:
        return
    if found == 0:
        raise SpoolUnusable(
            f"{path}: this file is not a spool (no schema in it); move it away and start again"
        )
    raise SpoolUnusable(
        f"{path}: the spool has schema version {found}, this spoolmta works with version"
        f" {VERSION}; start the spoolmta that made it, let it deliver its queue, then move the file"
        " away"
    )


def view_columns(connection: apsw.Connection) -> list[tuple[str, str, str]]:
    """Return (view, column, what it is) of every column of the v1_ views, as the file says it.

    The text of a view's declaration is kept in the file with its comments.
    """
    views = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'view' AND name GLOB 'v1_*' ORDER BY name"
    )
    return [
        (view, column, meaning)
        for view, declaration in views
        for column, meaning in _COLUMN.findall(declaration.partition(") AS")[0])
    ]


def version(connection: apsw.Connection) -> int:
    """Return the schema version of the file, 0 for an empty one."""
    return int(connection.pragma("user_version"))
