"""spoolmta backup: a verified copy of the spool while mail flows."""

from pathlib import Path
from typing import Annotated

import typer


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Copy the whole spool to FILE, verify the copy, and say what is in it.

    Mail flows on. FILE is there whole or not at all; it holds all content: keep it as the mail
    itself. Exit status 1 if no good copy could be made.
    """
    import dataclasses
    import sys

    from spoolmta.cli.access import Access
    from spoolmta.cli.output import note, print_json
    from spoolmta.cli.units import format_size, plural
    from spoolmta.spool.backup import back_up

    spool = Access(context.obj).require_spool()
    if sys.stderr.isatty():
        note(f"copying {format_size(spool.stat().st_size)} ...")
    found = back_up(spool, file.absolute())
    if as_json:
        print_json({"file": str(file), **dataclasses.asdict(found)})
        return
    print(
        f"{file}: {format_size(found.size)}, {plural(found.messages, 'message')} to"
        f" {plural(found.recipients, 'recipient')}, {plural(found.events, 'event')}; verified"
    )
