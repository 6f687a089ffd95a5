"""spoolmta audit: accounts for every recipient; exit status 1 if one is in no account."""

from typing import Annotated

import typer


def audit(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Account for every recipient ever accepted, as far as the journal reaches back.

    Delivered, forwarded, bounced, expired, deleted, discarded, or in which queue: the journal and
    the tables are held against each other while mail flows on. Exit status 1 if a recipient is in
    no account.
    """
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import recipients_account

    with Access(context.obj).spool() as spool:
        sound = recipients_account.show(spool, as_json=as_json)
    raise typer.Exit(0 if sound else 1)
