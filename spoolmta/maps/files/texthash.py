"""texthash:FILE: a source file of "key value" lines that is read as it is; no postmap is needed.

Postfix: DATABASE_README
"""

from collections.abc import Iterator

from spoolmta.errors import ConfigError
from spoolmta.maps.file_values import value_of_files
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import HeldTable
from spoolmta.maps.text import EXPECTED, IGNORING, Warn, logical_lines, read_source, records

_MISSING = EXPECTED + IGNORING


class TextMap(HeldTable):
    """texthash:FILE: a source file that needs no postmap."""

    def __init__(self, path: str, rules: KeyRules = USUAL, *, warn: Warn = lambda _: None) -> None:
        """Raises ConfigError: the file cannot be read. *warn* is told of its bad lines."""
        super().__init__("texthash:" + path, rules.fold)
        lines = logical_lines(read_source(path, kind="open database"), path, warn)
        for number, key, value in records(lines, path, warn, utf8=rules.utf8, missing=_MISSING):
            folded = self.fold(key)
            if folded in self.entries:
                warn(f'{path}, line {number}: duplicate entry: "{key}"')
                continue
            try:
                self.entries[folded] = value_of_files(value) if rules.files else value
            except ConfigError as error:
                warn(f"{path}, line {number}: {error}: skipping this entry")

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys with their values."""
        yield from self.entries.items()
