"""postalias: build an alias table from an aliases(5) file, and ask, list or change it.

newaliases does so for all of alias_database.

Postfix:    postalias(1), newaliases(1), aliases(5)
Parameters: alias_database
"""

import sys

from spoolmta.cli.tables import TableProgram, run, use_bytes
from spoolmta.config.loader import load
from spoolmta.errors import ConfigError
from spoolmta.maps.aliases import alias_entries
from spoolmta.maps.syntax import split_words


def main() -> None:
    """Run postalias and exit with its status."""
    use_bytes()
    sys.exit(run(POSTALIAS, sys.argv[1:]))


def newaliases() -> None:
    """Build every table of alias_database anew and exit."""
    use_bytes()
    sys.exit(rebuild_aliases())


def rebuild_aliases() -> int:
    """Build every table of alias_database anew; return the exit status (also sendmail -bi)."""
    try:
        tables = split_words(load().value("alias_database"))
    except ConfigError as error:
        print(f"newaliases: fatal: {error}", file=sys.stderr)
        return 1
    return run(POSTALIAS, tables) if tables else 0


POSTALIAS = TableProgram("postalias", "finNoprsuUvwc:d:q:", alias_entries)
