"""spoolmta why: what exactly holds a message, and the command that ends it."""

from typing import Annotated

import typer


def why(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="ID|ADDRESS", help="Queue id, or a recipient that waits.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what holds a message: until when, by what, its last answers, and what to do.

    With an address: the one message that waits for it. Exit status 1 if there is none, or several.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import hindrance_report

    raise typer.Exit(0 if hindrance_report.show(Access(context.obj), what, as_json=as_json) else 1)
