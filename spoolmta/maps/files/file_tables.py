"""Opening the tables that are files of keys and values: built ones, and texthash.

They are opened again when their file changes (see watched.py).

Postfix: DATABASE_README, postmap(1)
"""

from functools import partial
from pathlib import Path

from spoolmta.clock import SystemClock
from spoolmta.maps.files.cdb_table import CdbMap
from spoolmta.maps.files.index import IndexMap
from spoolmta.maps.files.table_build import SUFFIXES, import_lmdb
from spoolmta.maps.files.table_file import outdated_warning
from spoolmta.maps.files.texthash import TextMap
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.lookup import PROBLEMS, Map
from spoolmta.maps.watched import FileMap

TEXTHASH = "texthash"
FILE_TABLES = (*SUFFIXES, TEXTHASH)

_CLOCK = SystemClock()


def open_file_table(kind: str, source: str, rules: KeyRules) -> FileMap:
    """Return the table *kind*:*source*.

    Raises ConfigError: it cannot be opened.
    """
    path = Path(source + SUFFIXES.get(kind, ""))
    return FileMap(f"{kind}:{source}", [path], partial(open_file, kind, source, rules), fixed=False)


def open_file(kind: str, source: str, rules: KeyRules) -> Map:
    """Return the table *kind*:*source* as its file is now; it is not looked at again.

    Raises ConfigError: it cannot be opened.
    """
    if kind == TEXTHASH:
        return TextMap(source, rules, warn=PROBLEMS.warning)
    warning = outdated_warning(Path(source + SUFFIXES[kind]), source, _CLOCK.now())
    if warning is not None:
        PROBLEMS.warning("%s", warning)
    if kind == "lmdb":
        table: Map = import_lmdb(f"lmdb:{source}").LmdbMap(source, rules)
        return table
    if kind == "cdb":
        return CdbMap(source, rules)
    return IndexMap(source, kind=kind, fold_key=rules.fold)
