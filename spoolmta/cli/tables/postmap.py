"""postmap: build a lookup table from "key value" lines, and ask, list or change it.

Postfix: postmap(1)
"""

import sys
from collections.abc import Iterable, Iterator

from spoolmta.cli.tables.table_program import Entry, TableProgram, Warn, run, use_bytes
from spoolmta.config.loader import Configuration
from spoolmta.maps.text import Line, records


def main() -> None:
    """Run postmap and exit with its status."""
    use_bytes()
    sys.exit(run(POSTMAP, sys.argv[1:]))


def entries(lines: Iterable[Line], source: str, warn: Warn, utf8: bool) -> Iterator[Entry]:
    """Yield the entries of a table's source; *warn* is told of lines that are none."""
    yield from records(lines, source, warn, utf8=utf8)


def closing(_: Configuration) -> tuple[tuple[str, str], ...]:
    """Return what a table has beside its source: nothing."""
    return ()


POSTMAP = TableProgram("postmap", "bfFhimnNoprsuUvw", "\t", entries, closing)
