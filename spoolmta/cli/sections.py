"""The help of a command line with many verbs: in sections, by what they are for.

A verb names its section as its rich_help_panel; one without stands in no section.
"""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from typer.core import TyperGroup


class Formatter(Protocol):
    """What writes a help text: typer keeps its own class to itself."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Indent what is written within, under a heading."""
        ...

    def write_dl(self, rows: list[tuple[str, str]]) -> None:
        """Write a table of terms and what they mean."""
        ...


class Sections(TyperGroup):
    """The list of verbs, in sections by what they are for."""

    def format_commands(self, ctx: Any, formatter: Formatter) -> None:
        """Write a table of verbs for each section, in the order of their first verbs."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            section = getattr(command, "rich_help_panel", None)
            if command is not None and isinstance(section, str):
                sections.setdefault(section, []).append((name, command.get_short_help_str(60)))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)
