"""postmap: build a lookup table from "key value" lines, and ask, list or change it.

Postfix: postmap(1)
Limits:  -m (MIME parsing of a message's body) is not there
"""

import sys
from collections.abc import Iterable, Iterator

from spoolmta.cli.tables import Entry, TableProgram, Warn, run, use_bytes
from spoolmta.maps.text import Line, split_key_value


def main() -> None:
    """Run postmap and exit with its status."""
    use_bytes()
    sys.exit(run(POSTMAP, sys.argv[1:]))


def entries(lines: Iterable[Line], source: str, warn: Warn) -> Iterator[Entry]:
    """Yield the keys and values of a table's source; *warn* is told of lines that are none."""
    for line in lines:
        key, value = split_key_value(line.text)
        if not key or not value:
            warn(f"{source}, line {line.number}: expected format: key whitespace value")
            continue
        if key.endswith(":"):
            warn(
                f'{source}, line {line.number}: record is in "key: value" format; '
                "is this an alias file?"
            )
        yield key, value


POSTMAP = TableProgram("postmap", "bfFhinNoprsuUvwc:d:q:", entries)
