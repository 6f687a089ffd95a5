"""spoolmta trace: the whole life of a message from the journal, also after it is gone."""

from typing import Annotated

import typer

from spoolmta.cli.limit import at_most


def trace(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID|MESSAGE-ID|ADDRESS", help="Which one.")],
    limit: Annotated[int, at_most("With an address: at most so many messages.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one event a line.")] = False,
) -> None:
    """Tell what happened to a message: every event with its time, in plain words.

    With an address: the messages from or for it, the latest first, as far as the journal reaches.
    A Message-ID is that of the message's header.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import message_history

    with Access(context.obj).spool() as spool:
        spool.attach_history()
        found = message_history.show(spool, what, limit=limit, as_json=as_json)
    raise typer.Exit(0 if found else 1)
