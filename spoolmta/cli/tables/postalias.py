"""postalias: build an alias table from an aliases(5) file, and ask, list or change it.

newaliases does so for all of alias_database, and leaves a table as it is whose source has lines
that are not understood: mail for a name that was mistyped must not bounce.

Postfix:    postalias(1), newaliases(1), aliases(5)
Parameters: alias_database, myhostname
"""

import sys
from collections.abc import Iterable, Iterator

from spoolmta.address.tokens import ATOM, QUOTED, Token, find, internal, scan
from spoolmta.cli.tables.table_program import Entry, TableProgram, Warn, run, use_bytes
from spoolmta.clock import SystemClock
from spoolmta.config.loader import Configuration, load
from spoolmta.errors import ConfigError
from spoolmta.maps.keys import quote_local
from spoolmta.maps.syntax import split_words
from spoolmta.maps.text import Line, is_utf8, printable

# Their right side is a domain, which a local name does not have.
_BEFORE_DOMAINS = ("@", "%")


def main() -> None:
    """Run postalias and exit with its status."""
    use_bytes()
    sys.exit(run(POSTALIAS, sys.argv[1:]))


def newaliases() -> None:
    """Build every table of alias_database anew and exit."""
    use_bytes()
    sys.exit(rebuild_aliases())


def rebuild_aliases(database: str | None = None) -> int:
    """Build every table of alias_database anew; return the exit status (also sendmail -bi).

    *database* is built in its place (sendmail -oA).
    """
    try:
        tables = [database] if database else split_words(load().value("alias_database"))
    except ConfigError as error:
        print(f"newaliases: fatal: {error}", file=sys.stderr)
        return 1
    return run(NEWALIASES, tables) if tables else 0


def entries(lines: Iterable[Line], source: str, warn: Warn, utf8: bool) -> Iterator[Entry]:
    """Yield names in internal form and values in external form, with one blank between words.

    *warn* is told of lines of *source* that are no entry; they are left out.
    """
    for number, text in lines:
        place = f"{source}, line {number}"
        if utf8 and not is_utf8(text):
            warn(f'{place}: non-UTF-8 input "{printable(text)}" -- ignoring this line')
            continue
        tokens = scan(text) if ":" in text else []
        colon = find(tokens, ":")
        name, value = tokens[:colon], tokens[colon + 1 :]
        if colon <= 0 or not value or find(name, ",") >= 0:
            warn(f"{place}: need name:value pair")
        elif any(token.kind in _BEFORE_DOMAINS for token in name):
            warn(f"{place}: name must be local")
        else:
            yield number, internal(name), _external(value)


def whole_entries(lines: Iterable[Line], source: str, warn: Warn, utf8: bool) -> Iterator[Entry]:
    """Yield the entries of a source that is understood line by line.

    Raises ConfigError, at the end: some line is no entry; the table is not to be replaced.
    """
    faults: list[str] = []

    def count(text: str) -> None:
        faults.append(text)
        warn(text)

    yield from entries(lines, source, count, utf8)
    if faults:
        raise ConfigError(
            f"{source}: {len(faults)} line(s) not understood: the old table stays in force"
            " (mend them, or build the rest with postalias)"
        )


def closing(configuration: Configuration) -> tuple[tuple[str, str], ...]:
    """Return what sendmail's tables have, too: who made the table, when, and that it is whole."""
    return (
        ("@", "@"),
        ("YP_LAST_MODIFIED", str(int(SystemClock().now()))),
        ("YP_MASTER_NAME", configuration.value("myhostname")),
    )


def _external(tokens: list[Token]) -> str:
    text = internal([_quoted(token) for token in tokens])
    return text + " " if tokens[-1].kind == "," else text


def _quoted(token: Token) -> Token:
    if token.kind == QUOTED:
        text = token.text.replace("\\", "\\\\").replace('"', '\\"')
        return Token(QUOTED, f'"{text}"')
    if token.kind == ATOM:
        return Token(ATOM, quote_local(token.text))
    return token


POSTALIAS = TableProgram("postalias", "Nfinoprsuvw", ":\t", entries, closing)
NEWALIASES = TableProgram("postalias", "", ":\t", whole_entries, closing)
