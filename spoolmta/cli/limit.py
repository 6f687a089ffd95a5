"""The options that say how much a command shows: --limit and its kin, within what the spool counts.

Must not: import what is heavy; the command line is built from it
"""

from typing import Any

import typer

_MOST = 1_000_000_000


def at_most(meaning: str, *, least: int = 0) -> Any:
    """Return an option that takes a number from *least* on."""
    return typer.Option(help=meaning, min=least, max=_MOST)
