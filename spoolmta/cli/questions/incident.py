"""spoolmta incident: a stolen account, an open client: hold what waits, tell what has left."""

from typing import Annotated

import typer


def incident(
    context: typer.Context,
    sasl_user: Annotated[
        str | None, typer.Option("--sasl-user", help="Login; * and ? are wildcards.")
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Address of a client.")] = None,
    sender: Annotated[
        str | None, typer.Option("--sender", help="Envelope sender; <> is the null sender.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Report what came in since then: 2h, a date.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Hold nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hold all queued mail of a login, a client or a sender, and report what has left.

    The report says to whom, when, by which server, and from which client addresses it came. What
    is held stays until `spoolmta undo` or `spoolmta queue release`. Exit status 1 if there is no
    such mail.
    """
    from spoolmta.cli import author
    from spoolmta.cli.access import Access
    from spoolmta.cli.questions import incident_report
    from spoolmta.spool.questions.incident import Culprit

    culprit = Culprit(sasl_user, client, "" if sender == "<>" else sender)
    holder = None if dry_run else author.who()
    access = Access(context.obj)
    with access.spool() as spool:
        found = incident_report.show(spool, culprit, holder, since=since, as_json=as_json)
    if not dry_run:
        access.poke("qmgr")
    raise typer.Exit(0 if found else 1)
