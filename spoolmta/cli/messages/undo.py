"""spoolmta undo: takes back what an operator did to the queue, and lists what was done."""

from typing import Annotated

import typer

from spoolmta.cli.limit import at_most


def undo(
    context: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="[NUMBER|list]", help="Which; without: the latest.")
    ] = None,
    limit: Annotated[int, at_most("list: at most so many.")] = 20,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take back what a spoolmta queue command or postsuper did: undo NUMBER; undo list shows them.

    What has changed meanwhile is told, and left alone.
    """
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.messages import taking_back
    from spoolmta.errors import UsageError

    by = author.who()
    access = Access(context.obj)
    with access.spool() as spool:
        if number == "list":
            taking_back.show(spool, limit, as_json=as_json)
            return
        if number is not None and not (number.isascii() and number.isdigit() and len(number) < 19):
            raise UsageError(f"{number}: undo takes a number; spoolmta undo list shows them")
        chosen = None if number is None else int(number)
        complete = taking_back.take_back(spool, chosen, by, yes=yes, as_json=as_json)
    access.poke("pickup", "trivial_rewrite", "qmgr", "bounce")
    raise typer.Exit(0 if complete else 1)
