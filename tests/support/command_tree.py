"""The commands of the native command, by name, as its command line has them."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from spoolmta.cli.verbs import app

# These have no spool to work on, or make it.
WITHOUT_SPOOL = {"check", "explain", "serve", "sink", "version"}


def commands() -> dict[str, Any]:
    """Return every command that does something, by its words: "queue recipient add"."""
    return dict(_below(get_command(app), ""))


def _below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, below in command.commands.items():
        yield from _below(below, f"{name} {word}".strip())
