"""The named statements: queries/*.sql, read once.

A block starts with "-- name: verb_noun"; the comment lines after it say what it is for.

Must not: build SQL from pieces; a statement is what stands in the file.
"""

import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z0-9_]+)$", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """Return every named statement, by name; a name that is used twice is a bug."""
    found: dict[str, str] = {}
    for entry in sorted(Path(__file__).with_name("queries").glob("*.sql")):
        parts = _NAME.split(entry.read_text("utf-8"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise AssertionError(f"{entry.name}: statement {name} is defined twice")
            found[name] = _without_comments(body)
    return found


def _without_comments(body: str) -> str:
    lines = (line for line in body.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip().rstrip(";")
