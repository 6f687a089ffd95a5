"""spoolmta status: does it run, what waits and for how long, what do its processes use."""

from typing import Annotated

import typer


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show states and ages, processes with memory and CPU, the spool and the disk.

    Exit status 1 if the mail system does not run.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import system_status

    running = system_status.show(Access(context.obj), as_json=as_json)
    raise typer.Exit(0 if running else 1)
